/* SPDX-License-Identifier: GPL-2.0-only */
/* What vmenter.S has to know of struct vmenter and of the VMCS, in numbers. */
#ifndef MINIHV_VMENTER_OFFSETS_H
#define MINIHV_VMENTER_OFFSETS_H

#define VMENTER_HOST_RSP	0x80
#define VMENTER_FLAGS		0x88
#define VMENTER_HOST_SPEC_CTRL	0x8c
#define VMENTER_GUEST_SPEC_CTRL	0x90

#define VMENTER_LAUNCHED_BIT	0	/* VMRESUME, not VMLAUNCH */
#define VMENTER_VERW_BIT	1	/* clear CPU buffers before entry */
#define VMENTER_SPEC_CTRL_IN	2	/* write the guest's SPEC_CTRL before entry */
#define VMENTER_SPEC_CTRL_OUT	3	/* write the host's SPEC_CTRL after exit */

#define HOST_RSP_FIELD		0x6c14

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MINIHV_DEBUGFS_H
#define MINIHV_DEBUGFS_H

void minihv_debugfs_init(void);
void minihv_debugfs_exit(void);

#endif

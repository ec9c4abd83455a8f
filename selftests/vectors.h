/* SPDX-License-Identifier: GPL-2.0 */
/* Vectors of exceptions. SDM vol. 3, "Exception and Interrupt Vectors" */
#ifndef MINIHV_SELFTESTS_VECTORS_H
#define MINIHV_SELFTESTS_VECTORS_H

#define VECTOR_DE	0
#define VECTOR_DB	1
#define VECTOR_NMI	2
#define VECTOR_BP	3
#define VECTOR_UD	6
#define VECTOR_NM	7
#define VECTOR_SS	12
#define VECTOR_GP	13
#define VECTOR_PF	14
#define VECTOR_MC	18

#endif

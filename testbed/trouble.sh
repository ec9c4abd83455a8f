# SPDX-License-Identifier: GPL-2.0
# Sourced on this machine and in the test machine: how a line of the kernel's log looks that is a failure.

# What the kernel prints when something is wrong with it.
trouble='BUG:|WARNING: |Oops|Kernel panic|Call Trace|general protection fault,|unchecked MSR|Bad page|refcount_t|corruption'
trouble=$trouble'|UBSAN|KASAN|soft lockup|hard LOCKUP|self-detected stall|blocked for more'
# What minihv says of a bug of its own.
trouble=$trouble'|minihv: .*VM[A-Z]+ .*(failed|faulted)|minihv: MSR table'
# And what only those of testbed/own_kernels do; also when one of their checks has switched itself off.
trouble=$trouble'|KCSAN:|BUG [^ ]* \(|ODEBUG|DEBUG_LOCKS_WARN|suspicious RCU|possible (circular|recursive)'
trouble=$trouble'|inconsistent lock|sleeping function|INFO: (possible|trying|lockdep)|detected stalls'
trouble=$trouble'|locking correctness validator|kmemleak: .*(suspected|disabled|Cannot|exceeded)'

# And what only looks like it: the CPU has a bug that the kernel does something about; a selftest has asked for it.
no_trouble='RETBleed: WARNING\|Sending SIGBUS to memory:'

// SPDX-License-Identifier: GPL-2.0
/*
 * A module with one fault, for "make check-debug" to see that its kernels see it:
 * fault=use-after-free, shift, sleep, deadlock, leak or race.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#define RACE_MS	20000

static char *fault = "";
module_param(fault, charp, 0);

static DEFINE_SPINLOCK(spinlock);
static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static unsigned long raced;

static void use_after_free(void)
{
	u8 *object = kmalloc(64, GFP_KERNEL);

	kfree(object);
	READ_ONCE(object[8]);
}

static void shift(void)
{
	int n = 40;

	OPTIMIZER_HIDE_VAR(n);
	raced = 1u << n;
}

static void sleep_with_spinlock(void)
{
	spin_lock(&spinlock);
	might_sleep();
	spin_unlock(&spinlock);
}

static void deadlock(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

/* Several: of one there may be a stale pointer somewhere, and kmemleak believes it. */
static void leak(void)
{
	u8 *object;
	int i;

	for (i = 0; i < 32; i++) {
		object = kmalloc(64, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(object);
	}
}

static int race_thread(void *unused)
{
	while (!kthread_should_stop()) {
		raced++;
		cond_resched();
	}
	return 0;
}

static void run_race(void)
{
	struct task_struct *threads[2];
	int i;

	for (i = 0; i < 2; i++)
		threads[i] = kthread_run_on_cpu(race_thread, NULL, i, "race/%u");
	msleep(RACE_MS);
	for (i = 0; i < 2; i++)
		if (!IS_ERR(threads[i]))
			kthread_stop(threads[i]);
}

static const struct {
	const char *name;
	void (*commit)(void);
} faults[] = {
	{ "use-after-free", use_after_free }, { "shift", shift }, { "sleep", sleep_with_spinlock },
	{ "deadlock", deadlock }, { "leak", leak }, { "race", run_race },
};

static int __init faulty_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++)
		if (!strcmp(fault, faults[i].name)) {
			faults[i].commit();
			return 0;
		}
	return -EINVAL;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("A module with a fault");
MODULE_LICENSE("GPL");

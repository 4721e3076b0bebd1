// SPDX-License-Identifier: GPL-2.0
/*
 * Probes on the fault path: see fault.c for what each one means. Armed while
 * something is tracked, else not in place at all.
 *
 * The entries of functions are hooked by kprobes, or by one ftrace_ops for all
 * of them where that is cheaper. filecow.c has a kprobe of its own.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "arch/regs.h"
#include "compat.h"
#include "fast.h"
#include "pfstat.h"

static char *hook = "auto";
module_param(hook, charp, 0444);
MODULE_PARM_DESC(hook, "how to hook the fault path: auto, kprobe or ftrace");

static u32 pf_hook_used;
static u32 pf_kinds = BIT(PFSTAT_NR_KINDS) - 1;
static bool pf_armed;		/* written under pf_target_mutex */

/* ---- what each hooked function's arguments mean ------------------------- */

/*
 * Inline up to the question whether the mm is tracked: programs that are not
 * pay for these lines, and for the hook itself, but for nothing else.
 */

static __always_inline void pf_at_huge_pmd_wp(struct pt_regs *regs)
{
	const struct vm_fault *vmf = (void *)pf_arg(regs, 0);
	struct mm_struct *mm = vmf->vma->vm_mm;

	if (pf_space_first(mm))
		pf_fault_begin(mm, vmf->address, vmf->flags, PF_CLASS_HUGE);
}

static __always_inline void pf_at_hugetlb_fault(struct pt_regs *regs)
{
	struct vm_area_struct *vma = (void *)pf_arg(regs, 1);
	unsigned int flags = pf_arg(regs, 3);

	if (pf_space_first(vma->vm_mm) && !(vma->vm_flags & VM_MAYSHARE) &&
	    (flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)))
		pf_fault_begin(vma->vm_mm, pf_arg(regs, 2), flags,
			       PF_CLASS_HUGETLB);
}

static __always_inline void pf_at_clear_flush(struct pt_regs *regs,
					      unsigned long caller)
{
	struct vm_area_struct *vma = (void *)pf_arg(regs, 0);
	struct pf_space *space = pf_space_first(vma->vm_mm);

	if (space)
		pf_fault_replaced(space, vma, pf_arg(regs, 1),
				  (void *)pf_arg(regs, 2), regs, caller);
}

static __always_inline void pf_at_move_anon_rmap(struct pt_regs *regs,
						 unsigned long caller)
{
	struct vm_area_struct *vma = (void *)pf_arg(regs, 1);
	struct pf_space *space = pf_space_first(vma->vm_mm);

	if (space)
		pf_fault_kept(space, (void *)pf_arg(regs, 0), vma, regs, caller);
}

static __always_inline void pf_at_exit_mm(struct pt_regs *regs)
{
	pf_mm_exit((void *)pf_arg(regs, 0), (void *)pf_arg(regs, 1));
}

static __always_inline void pf_at_exec_mm(struct pt_regs *regs)
{
	pf_mm_exec((void *)pf_arg(regs, 0), (void *)pf_arg(regs, 1));
}

/* ---- entries, by kprobe --------------------------------------------------- */

static int pf_kp_huge_pmd_wp(struct kprobe *kp, struct pt_regs *regs)
{
	pf_at_huge_pmd_wp(regs);
	return 0;
}

NOKPROBE_SYMBOL(pf_kp_huge_pmd_wp);

static int pf_kp_hugetlb_fault(struct kprobe *kp, struct pt_regs *regs)
{
	pf_at_hugetlb_fault(regs);
	return 0;
}

NOKPROBE_SYMBOL(pf_kp_hugetlb_fault);

static int pf_kp_clear_flush(struct kprobe *kp, struct pt_regs *regs)
{
	pf_at_clear_flush(regs, pf_caller(regs));
	return 0;
}

NOKPROBE_SYMBOL(pf_kp_clear_flush);

static int pf_kp_move_anon_rmap(struct kprobe *kp, struct pt_regs *regs)
{
	pf_at_move_anon_rmap(regs, pf_caller(regs));
	return 0;
}

NOKPROBE_SYMBOL(pf_kp_move_anon_rmap);

static int pf_kp_exit_mm(struct kprobe *kp, struct pt_regs *regs)
{
	pf_at_exit_mm(regs);
	return 0;
}

NOKPROBE_SYMBOL(pf_kp_exit_mm);

static int pf_kp_exec_mm(struct kprobe *kp, struct pt_regs *regs)
{
	pf_at_exec_mm(regs);
	return 0;
}

NOKPROBE_SYMBOL(pf_kp_exec_mm);

/* In the order of arming: no fault may be counted whose mm's end is not seen. */
enum {
	PF_POINT_EXIT_MM,
	PF_POINT_EXEC_MM,
	PF_POINT_CLEAR_FLUSH,
	PF_POINT_MOVE_RMAP,
	PF_POINT_HUGE,
	PF_POINT_HUGETLB,
	PF_POINT_HUGE_CLEAR_FLUSH,
	PF_POINTS,
};

/**
 * struct pf_point - a hooked entry
 * @symbol: the function
 * @pre_handler: of a kprobe
 * @needed: nothing works without it
 * @kinds: that can't be told without it, a mask of enum pfstat_kind
 * @addr: where it is, 0: this kernel has it not
 * @kp: the kprobe, registered while @addr is set and kprobes are used
 */
struct pf_point {
	const char *symbol;
	kprobe_pre_handler_t pre_handler;
	bool needed;
	u32 kinds;
	unsigned long addr;
	struct kprobe kp;
};

#define PF_KINDS_WP	(BIT(PFSTAT_COPY) | BIT(PFSTAT_ZERO) |		\
			 BIT(PFSTAT_KERNEL) | BIT(PFSTAT_UNSHARE))

static struct pf_point pf_points[PF_POINTS] = {
	[PF_POINT_EXIT_MM] = {
		.symbol = "exit_mm_release",
		.pre_handler = pf_kp_exit_mm,
		.needed = true,
	},
	[PF_POINT_EXEC_MM] = {
		.symbol = "exec_mm_release",
		.pre_handler = pf_kp_exec_mm,
		.needed = true,
	},
	[PF_POINT_CLEAR_FLUSH] = {
		.symbol = "ptep_clear_flush",
		.pre_handler = pf_kp_clear_flush,
		.kinds = PF_KINDS_WP,
	},
	[PF_POINT_MOVE_RMAP] = {
		.symbol = PF_MOVE_ANON_RMAP,
		.pre_handler = pf_kp_move_anon_rmap,
		.kinds = BIT(PFSTAT_REUSE) | BIT(PFSTAT_HUGE),
	},
	[PF_POINT_HUGE] = {
		.symbol = "do_huge_pmd_wp_page",
		.pre_handler = pf_kp_huge_pmd_wp,
		.kinds = IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) ?
			 BIT(PFSTAT_HUGE) : 0,
	},
	[PF_POINT_HUGETLB] = {
		.symbol = "hugetlb_fault",
		.pre_handler = pf_kp_hugetlb_fault,
		.kinds = IS_ENABLED(CONFIG_HUGETLB_PAGE) ? BIT(PFSTAT_HUGE) : 0,
	},
	/*
	 * A function of its own on arm64, where pages of contiguous entries
	 * don't go through ptep_clear_flush(); inline elsewhere.
	 */
	[PF_POINT_HUGE_CLEAR_FLUSH] = {
		.symbol = "huge_ptep_clear_flush",
		.pre_handler = pf_kp_clear_flush,
		.kinds = IS_ENABLED(CONFIG_ARM64) &&
			 IS_ENABLED(CONFIG_HUGETLB_PAGE) ? BIT(PFSTAT_HUGE) : 0,
	},
};

/* ---- entries, by ftrace ---------------------------------------------------- */

#ifdef PF_FTRACE_FLAGS
/* The patched place is the entry or a few bytes on (BTI, ENDBR). */
static __always_inline bool pf_point_is(unsigned int point, unsigned long ip)
{
	return ip - pf_points[point].addr < 16;
}

static void notrace pf_ftrace(unsigned long ip, unsigned long parent_ip,
			      struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct pt_regs *regs = pf_ftrace_regs(fregs);

	/*
	 * Nothing below calls a function of the filter, so there is no need for
	 * FTRACE_OPS_FL_RECURSION, which means a helper in between.
	 */
	pf_ftrace_enter();
	if (pf_point_is(PF_POINT_CLEAR_FLUSH, ip) ||
	    pf_point_is(PF_POINT_HUGE_CLEAR_FLUSH, ip))
		pf_at_clear_flush(regs, parent_ip);
	else if (pf_point_is(PF_POINT_MOVE_RMAP, ip))
		pf_at_move_anon_rmap(regs, parent_ip);
	else if (pf_point_is(PF_POINT_HUGE, ip))
		pf_at_huge_pmd_wp(regs);
	else if (pf_point_is(PF_POINT_HUGETLB, ip))
		pf_at_hugetlb_fault(regs);
	else if (pf_point_is(PF_POINT_EXIT_MM, ip))
		pf_at_exit_mm(regs);
	else if (pf_point_is(PF_POINT_EXEC_MM, ip))
		pf_at_exec_mm(regs);
	pf_ftrace_leave();
}

static struct ftrace_ops pf_ftrace_ops = {
	.func = pf_ftrace,
	/* PERMANENT: kernel.ftrace_enabled can't be set to 0 unnoticed. */
	.flags = PF_FTRACE_FLAGS | FTRACE_OPS_FL_PERMANENT,
};

static int pf_ftrace_init(void)
{
	int i, err;

	for (i = 0; i < PF_POINTS; i++) {
		if (!pf_points[i].addr)
			continue;
		err = ftrace_set_filter_ip(&pf_ftrace_ops, pf_points[i].addr,
					   0, 0);
		if (err) {
			ftrace_free_filter(&pf_ftrace_ops);
			return err;
		}
	}
	return 0;
}

static void pf_ftrace_exit(void)
{
	ftrace_free_filter(&pf_ftrace_ops);
}

static int pf_ftrace_arm(void)
{
	return register_ftrace_function(&pf_ftrace_ops);
}

static void pf_ftrace_disarm(void)
{
	unregister_ftrace_function(&pf_ftrace_ops);
}
#else
static int pf_ftrace_init(void)
{
	return -EOPNOTSUPP;
}

static void pf_ftrace_exit(void)
{
}

static int pf_ftrace_arm(void)
{
	return -EOPNOTSUPP;
}

static void pf_ftrace_disarm(void)
{
}
#endif

/* ---- arming ------------------------------------------------------------------------ */

static void pf_kprobes_disarm(void)
{
	int i;

	for (i = PF_POINTS - 1; i >= 0; i--) {
		if (pf_points[i].addr)
			disable_kprobe(&pf_points[i].kp);
	}
}

static int pf_kprobes_arm(void)
{
	int i, err;

	for (i = 0; i < PF_POINTS; i++) {
		if (!pf_points[i].addr)
			continue;
		err = enable_kprobe(&pf_points[i].kp);
		if (err) {
			pf_kprobes_disarm();
			return err;
		}
	}
	return 0;
}

static int pf_points_arm(void)
{
	return pf_hook_used == PFSTAT_HOOK_FTRACE ? pf_ftrace_arm() :
						    pf_kprobes_arm();
}

static void pf_points_disarm(void)
{
	if (pf_hook_used == PFSTAT_HOOK_FTRACE)
		pf_ftrace_disarm();
	else
		pf_kprobes_disarm();
}

/**
 * pf_hook_arm() - put the probes in place
 *
 * Context: pf_target_mutex is held.
 * Return: 0 or a negative errno, and no probe is in place.
 */
int pf_hook_arm(void)
{
	int err;

	err = pf_points_arm();
	if (err)
		return err;
	err = pf_filecow_arm();
	if (err)
		goto disarm_points;
	err = pf_canary_arm();
	if (err)
		goto disarm_filecow;
	WRITE_ONCE(pf_armed, true);
	return 0;

disarm_filecow:
	pf_filecow_disarm();
disarm_points:
	pf_points_disarm();
	return err;
}

/**
 * pf_hook_disarm() - take the probes away
 *
 * Context: pf_target_mutex is held. No handler runs when this returns.
 */
void pf_hook_disarm(void)
{
	WRITE_ONCE(pf_armed, false);
	pf_canary_disarm();
	pf_filecow_disarm();
	pf_points_disarm();
	synchronize_rcu();
}

/**
 * pf_hook_armed() - whether the probes are in place
 *
 * Context: may sleep.
 * Return: whether they are; false also if somebody has switched them off.
 */
bool pf_hook_armed(void)
{
	return READ_ONCE(pf_armed) && pf_canary_check();
}

/**
 * pf_hook_kind() - how entries are hooked
 *
 * Return: enum pfstat_hook.
 */
u32 pf_hook_kind(void)
{
	return pf_hook_used;
}

/**
 * pf_hook_kinds() - what can be told apart on this kernel
 *
 * Return: mask of enum pfstat_kind.
 */
u32 pf_hook_kinds(void)
{
	return pf_kinds;
}

/**
 * pf_hook_missed() - events whose handler could not run
 *
 * Times that probes were found switched off are among them, each as one.
 * Return: their number since the module was loaded.
 */
u64 pf_hook_missed(void)
{
	u64 missed = pf_filecow_missed() + pf_canary_missed();
	int i;

	for (i = 0; i < PF_POINTS; i++)
		missed += READ_ONCE(pf_points[i].kp.nmissed);
	return missed;
}

/* ---- load and unload ---------------------------------------------------------------- */

/* Those of the points before @end, which means to wait for RCU once. */
static void pf_points_unregister(const struct pf_point *end)
{
	struct kprobe *kps[PF_POINTS];
	struct pf_point *point;
	int nr = 0;

	for (point = pf_points; point < end; point++) {
		if (point->addr)
			kps[nr++] = &point->kp;
	}
	unregister_kprobes(kps, nr);
}

static void pf_points_exit(void)
{
	if (pf_hook_used == PFSTAT_HOOK_FTRACE)
		pf_ftrace_exit();
	else
		pf_points_unregister(pf_points + PF_POINTS);
}

static int pf_points_init(void)
{
	struct pf_point *point;
	int err;

	for (point = pf_points; point < pf_points + PF_POINTS; point++) {
		point->addr = pf_symbol_address(point->symbol);
		if (!point->addr && point->needed) {
			pr_err("no probe on %s\n", point->symbol);
			return -EOPNOTSUPP;
		}
		if (!point->addr && point->kinds) {
			pr_warn("no probe on %s: kinds %#x are not counted\n",
				point->symbol, point->kinds);
			pf_kinds &= ~point->kinds;
		}
	}
	if (pf_hook_used == PFSTAT_HOOK_FTRACE)
		return pf_ftrace_init();

	for (point = pf_points; point < pf_points + PF_POINTS; point++) {
		if (!point->addr)
			continue;
		point->kp.addr = (void *)point->addr;
		point->kp.pre_handler = point->pre_handler;
		point->kp.flags = KPROBE_FLAG_DISABLED;
		err = register_kprobe(&point->kp);
		if (err) {
			pf_points_unregister(point);
			return err;
		}
	}
	return 0;
}

static int pf_hook_choose(void)
{
	static const struct {
		const char *name;
		u32 kind;
	} choices[] = {
		{ "auto", PF_HOOK_BEST },
		{ "kprobe", PFSTAT_HOOK_KPROBE },
		{ "ftrace", PFSTAT_HOOK_FTRACE },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(choices); i++) {
		if (sysfs_streq(hook, choices[i].name)) {
			pf_hook_used = choices[i].kind;
			return 0;
		}
	}
	pr_err("hook=%s: expected auto, kprobe or ftrace\n", hook);
	return -EINVAL;
}

/**
 * pf_hook_init() - find the functions and register the probes, disabled
 *
 * Return: 0 or a negative errno.
 */
int pf_hook_init(void)
{
	u32 classes;
	int err;

	err = pf_hook_choose();
	if (err)
		return err;
	err = pf_symbol_init(&classes);
	if (err)
		return err;
	if (!(classes & BIT(PF_CLASS_WP))) {
		pr_warn("no do_wp_page: only kinds file and huge are counted\n");
		pf_kinds &= BIT(PFSTAT_FILE) | BIT(PFSTAT_HUGE);
	}
	err = pf_points_init();
	if (err) {
		pr_err("hook=%s: error %d; try hook=kprobe\n", hook, err);
		return err;
	}

	err = pf_filecow_init();
	if (err) {
		pr_warn("no probe in do_cow_fault (%d): kind file is not counted\n",
			err);
		pf_kinds &= ~BIT(PFSTAT_FILE);
	}
	pf_canary_init();
	return 0;
}

/**
 * pf_hook_exit() - undo pf_hook_init()
 *
 * Context: disarmed.
 */
void pf_hook_exit(void)
{
	pf_canary_exit();
	pf_filecow_exit();
	pf_points_exit();
}

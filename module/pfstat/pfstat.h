/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Internals of /dev/pfstat.
 *
 * A target is what the user tracks (a name or a pid). A space is one address
 * space (mm_struct) that belongs to the current run of a target; an mm that
 * several targets match has a space for each. A chunk holds the counts of
 * PF_CHUNK_PAGES neighbouring pages of a space.
 *
 * Flow: a fault's hooks (hook.c) call fault.c, which finds the spaces of the
 * mm and lets count.c count. lifecycle.c follows fork, exec, rename and exit.
 * query.c sums chunks by VMA (layout.c) when asked. device.c is the ioctls.
 *
 * Locks, outermost first:
 *   pf_target_mutex   adding and removing targets, arming the hooks (sleeps)
 *   mmap_lock         of a target's mm, while its VMAs are listed
 *   pf_lock (raw)     targets, their runs and lists, the hash of spaces, flags
 *                     and layout of a space; taken in tracepoint handlers
 *   chunk bucket lock (raw), pool lock (raw): leaves, taken in probe handlers
 *                     by pf_probe_lock()
 * The fault path takes no lock but, for a new chunk, the two leaves: it reads
 * the hashes under RCU (probe handlers run with preemption off).
 */
#ifndef _PFSTAT_H
#define _PFSTAT_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/irq_work.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mm_types.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "uapi/pfstat.h"

/* ---- count.c: chunks of counters -------------------------------------- */

#define PF_CHUNK_SHIFT	5
#define PF_CHUNK_PAGES	32

/**
 * struct pf_chunk - counts of PF_CHUNK_PAGES pages of one space
 * @node: in the hash of chunks, by space and @base; RCU
 * @space: whose
 * @base: page number (address >> PAGE_SHIFT) >> PF_CHUNK_SHIFT
 * @next: the space's chunks, push-only while the space lives
 * @count: by page and enum pfstat_kind
 */
struct pf_chunk {
	struct hlist_node node;
	struct pf_space *space;
	unsigned long base;
	struct pf_chunk *next;
	atomic_t count[PF_CHUNK_PAGES][PFSTAT_KIND_SLOTS] __aligned(8);
};

#define PF_CHUNK_NO_BASE	(~0UL)	/* a chunk that is not in the hash */

struct pf_space;

int pf_count_init(void);
void pf_count_exit(void);
int pf_count_prepare(void);
void pf_count_release(void);
void pf_count_first(struct pf_space *space, unsigned long page,
		    unsigned int kind, bool may_defer);
int pf_count_add(struct pf_space *space, const struct pf_chunk *from);
void pf_count_unlink(struct pf_space *space);
void pf_count_free(struct pf_space *space);
u32 pf_count_chunks(void);

/* ---- pool.c: objects ready for contexts that can't allocate ------------ */

#define PF_POOL_MAX	256

struct pf_pool_cpu;

/**
 * struct pf_refill - a task on its way to refill a CPU's share
 * @head: queued on the task
 * @cpu: whose share
 */
struct pf_refill {
	struct callback_head head;
	struct pf_pool_cpu *cpu;
};

struct pf_pool_cpu {
	raw_spinlock_t lock;		/* protects nr and objs */
	unsigned int nr;		/* also read without it, as a hint */
	void *objs[PF_POOL_MAX];
	struct pf_pool *pool;
	unsigned long refilling;	/* bit n: refills[n] is queued */
	struct pf_refill refills[BITS_PER_LONG];
};

/**
 * struct pf_pool - a few zeroed objects per CPU
 * @cache: where they come from and go to
 * @size: how many each CPU keeps, at most PF_POOL_MAX
 * @cpu: the CPUs' shares
 * @work: refills all CPUs from a worker
 * @irq_work: queues @work
 */
struct pf_pool {
	struct kmem_cache *cache;
	unsigned int size;
	struct pf_pool_cpu __percpu *cpu;
	struct work_struct work;
	struct irq_work irq_work;
};

int pf_pool_init(struct pf_pool *pool, struct kmem_cache *cache,
		 unsigned int size);
void pf_pool_exit(struct pf_pool *pool);
int pf_pool_fill(struct pf_pool *pool);
void pf_pool_drain(struct pf_pool *pool);
void *pf_pool_get(struct pf_pool *pool, bool may_defer);

/* ---- layout.c: the VMAs of an mm at one moment -------------------------- */

/**
 * struct pf_strings - NUL-terminated strings, one behind the other
 * @buf: of kvmalloc(), offset 0 is the empty string; NULL: there is no other
 * @len: bytes used, that of the empty string included
 * @room: bytes there are
 */
struct pf_strings {
	char *buf;
	u32 len;
	u32 room;
};

void pf_strings_init(struct pf_strings *s);
const char *pf_strings_at(const struct pf_strings *s, u32 at);
u32 pf_strings_add(struct pf_strings *s, const char *string);

/**
 * struct pf_area - what is kept of a VMA
 * @start: first address
 * @end: first address behind it
 * @offset: in its file, in bytes
 * @flags: PFSTAT_VMA_*
 * @path: offset in pf_layout.strings, 0: none
 */
struct pf_area {
	unsigned long start;
	unsigned long end;
	u64 offset;
	u32 flags;
	u32 path;
};

struct pf_layout {
	refcount_t refs;
	u32 nr;
	struct pf_strings strings;
	struct pf_area areas[];
};

struct pf_layout *pf_layout_take(struct mm_struct *mm, bool want_paths);
struct pf_layout *pf_layout_get(struct pf_layout *layout);
void pf_layout_put(struct pf_layout *layout);

/* ---- target.c: names and pids, and their runs --------------------------- */

/**
 * struct pf_key - how a target is named
 * @type: enum pfstat_target_type
 * @pid: of a PFSTAT_TARGET_PID, referenced by whoever holds the key
 * @limited: only processes of @uid
 * @uid: see @limited
 * @len: of @name, as far as it identifies the target
 * @name: with a NUL; of a PFSTAT_TARGET_PID only a label
 */
struct pf_key {
	u32 type;
	struct pid *pid;
	bool limited;
	kuid_t uid;
	u32 len;
	char name[PFSTAT_NAME_MAX + 1];
};

struct pf_target {
	struct hlist_node node;		/* in the hash; pf_lock and the mutex */
	struct rcu_head rcu;
	struct pf_key key;		/* constant */
	u32 label_len;			/* of key.name, also of a pid's; constant */
	/* The rest is under pf_lock. */
	struct list_head spaces;	/* of the current run, oldest first */
	u64 run;
	u32 nr_spaces;
	u32 nr_alive;
	bool joining;			/* running processes may still join */
	bool follow;			/* PFSTAT_TRACK_FOLLOW; constant */
	bool executed;			/* the pid of a follower did */
	bool latency;			/* PFSTAT_TRACK_LATENCY; constant */
	struct list_head follower;	/* in pf_followers, if @follow */
	struct cgroup *cgroup;		/* of a PFSTAT_TARGET_CGROUP; constant */
	struct list_head by_cgroup;	/* in pf_by_cgroup, if @cgroup */
};

#define PF_TARGET_HASH_BITS	10

extern raw_spinlock_t pf_lock;
/* Targets that follow their processes through exec; pf_lock. */
extern struct list_head pf_followers;
/* Targets that are cgroups; pf_lock. */
extern struct list_head pf_by_cgroup;
/* Held while targets are added and removed. */
extern struct mutex pf_target_mutex;
extern struct wait_queue_head pf_wait;
extern struct workqueue_struct *pf_wq;

int pf_target_track(const struct pf_key *key, u32 flags);
int pf_target_untrack(const struct pf_key *key);
void pf_target_rejoin(struct pf_target *target);
int pf_target_reset(const struct pf_key *key);
int pf_target_cleanup(bool limited, kuid_t uid);
void pf_target_exit(void);
struct pf_target *pf_target_find(const struct pf_key *key);
int pf_target_list(bool limited, kuid_t uid, struct pfstat_target *array,
		   u32 room);

struct pf_target *pf_target_next(struct pf_target *target);
/* All targets; pf_lock or pf_target_mutex is held. */
extern DECLARE_HASHTABLE(pf_targets, PF_TARGET_HASH_BITS);
struct pf_target *pf_target_first(u32 hash);
struct pid *pf_target_pid(const struct pf_key *key, u32 number);
u32 pf_target_hash_name(const char *name, size_t len);
u32 pf_target_hash_pid(const struct pid *pid);

/* ---- run.c: who joins the run of a target ------------------------------- */

int pf_run_join_all(struct pf_target *target);
void pf_run_exec(struct task_struct *task);
void pf_run_rename(struct task_struct *task, const char *comm);
void pf_run_fork(struct task_struct *parent, struct task_struct *child);
void pf_run_move(struct task_struct *task);
void pf_run_flush(void);

/* ---- cgroup.c: targets that are cgroups ---------------------------------- */

int pf_cgroup_get(struct pf_target *target);
void pf_cgroup_put(struct pf_target *target);
bool pf_cgroup_has(const struct pf_target *target, struct task_struct *task);

/* ---- space.c: tracked address spaces ------------------------------------ */

#define PF_SPACE_HASH_BITS	10

/* pf_space.flags, under pf_lock */
#define PF_SPACE_FORKED		BIT(0)	/* joined the run by fork */
#define PF_SPACE_ENDED		BIT(1)	/* its mm is gone */
#define PF_SPACE_FOLDED		BIT(2)	/* the sum of several, has no mm */

/**
 * struct pf_space - one mm in the current run of one target
 * @node: in pf_space_hash by @mm while the mm may take faults; RCU
 * @mm: mm_count is held, so that the address is not used again
 * @target: whose; valid while hashed
 * @run: number of the run it belongs to
 * @link: in target->spaces, then in the list of spaces to drop; pf_lock
 * @chunks: its counts; pushed without a lock, only freed with the space
 * @pid: thread group leader when it was added
 * @parent: of the space that forked it, or NULL
 * @flags: PF_SPACE_*; also read without pf_lock
 * @refs: one of the list that it is in, one per user
 * @layout: VMAs at its end; pf_lock
 * @ending: bit 0: @end_work is queued, bit 1: another end came meanwhile
 * @end_work: runs in the exiting (or execing) task, holds mm_users and refs
 * @reap: in the list of spaces to free
 */
struct pf_space {
	struct hlist_node node;
	struct mm_struct *mm;
	struct pf_target *target;
	u64 run;
	struct list_head link;
	struct pf_chunk *chunks;
	struct pid *pid;
	struct pid *parent;
	u32 flags;
	refcount_t refs;
	struct pf_layout *layout;
	unsigned long ending;
	struct callback_head end_work;
	struct llist_node reap;
};

extern struct hlist_head pf_space_hash[1 << PF_SPACE_HASH_BITS];

int pf_space_init(void);
void pf_space_exit(void);
int pf_space_prepare(void);
void pf_space_release(void);
void pf_space_wait(void);
struct pf_space *pf_space_alloc(gfp_t gfp);
struct pf_space *pf_space_alloc_atomic(void);
void pf_space_fill(struct pf_space *space, struct mm_struct *mm,
		   struct task_struct *task, struct pid *parent, u32 flags);
void pf_space_add(struct pf_space *space, struct pf_target *target);
bool pf_space_in_run(struct mm_struct *mm, const struct pf_target *target);
void pf_space_get(struct pf_space *space);
void pf_space_put(struct pf_space *space);
void pf_space_drop_list(struct list_head *list);
void pf_space_end(struct mm_struct *mm);
void pf_space_sweep(void);
void pf_space_sweep_some(struct pf_space **spaces, u32 nr);
struct pf_layout *pf_space_last_layout(struct pf_space *space);
u32 pf_space_total(void);

/* ---- work queued on tasks, waited for before the module goes ------------ */

void pf_pending_get(void);
void pf_pending_put(void);
void pf_pending_wait(void);
void pf_pending_gone(void);

/* ---- place.c: what is known of a task between two hooks -------------------- */

/**
 * struct pf_place - the begin of what a table holds for a task
 * @task: who owns this place, or NULL; set by cmpxchg, cleared by the owner,
 *	who alone looks at what stands behind it
 */
struct pf_place {
	struct task_struct *task;
};

/**
 * struct pf_places - a table of places
 * @array: the places
 * @size: of each, with what stands behind struct pf_place
 */
struct pf_places {
	void *array;
	size_t size;
};

int pf_places_alloc(struct pf_places *places, size_t size);
void pf_places_free(struct pf_places *places);
struct pf_place *pf_place_find(const struct pf_places *places,
			       const struct task_struct *task);
struct pf_place *pf_place_claim(const struct pf_places *places,
				struct task_struct *task);
void pf_place_release(struct pf_place *place);

/* ---- fault.c ------------------------------------------------------------ */

#define PF_CLASS_WP		1	/* do_wp_page() */
#define PF_CLASS_HUGE		2	/* do_huge_pmd_wp_page() */
#define PF_CLASS_HUGETLB	3	/* hugetlb_fault() */

struct pt_regs;
struct vm_fault;

int pf_fault_prepare(void);
void pf_fault_release(void);
void pf_fault_begin(struct mm_struct *mm, unsigned long address,
		    unsigned int flags, unsigned int class);
void pf_fault_replaced(struct pf_space *space,
		       const struct vm_area_struct *vma, unsigned long address,
		       pte_t *ptep, const struct pt_regs *regs,
		       unsigned long caller);
void pf_fault_kept(struct pf_space *space, const struct page *page,
		   const struct vm_area_struct *vma,
		   const struct pt_regs *regs, unsigned long caller);
void pf_fault_file(struct pf_space *space, const struct vm_fault *vmf);
void pf_fault_task_exit(struct task_struct *task);
void pf_lost(unsigned int n);
u64 pf_lost_sum(void);

/* ---- latency.c: how long faults take ------------------------------------- */

DECLARE_STATIC_KEY_FALSE(pf_latency_key);

int pf_latency_get(void);
void pf_latency_put(void);
u64 pf_latency_since(void);
void pf_latency_task_exit(struct task_struct *task);

/* ---- hook.c: probes on the fault path ------------------------------------ */

int pf_hook_init(void);
void pf_hook_exit(void);
int pf_hook_arm(void);
void pf_hook_disarm(void);
bool pf_hook_armed(void);
u32 pf_hook_kind(void);
u32 pf_hook_kinds(void);
u64 pf_hook_missed(void);

/* ---- filecow.c: the probe on private file pages --------------------------- */

int pf_filecow_init(void);
void pf_filecow_exit(void);
int pf_filecow_arm(void);
void pf_filecow_disarm(void);
u64 pf_filecow_missed(void);

/* ---- canary.c: whether kprobes work --------------------------------------- */

void pf_canary_init(void);
void pf_canary_exit(void);
int pf_canary_arm(void);
void pf_canary_disarm(void);
bool pf_canary_check(void);
u64 pf_canary_missed(void);

/* ---- mmend.c: the end of an mm ----------------------------------------------- */

void pf_mm_exit(struct task_struct *task, struct mm_struct *mm);
void pf_mm_exec(struct task_struct *task, struct mm_struct *mm);

/* ---- symbol.c: functions of the kernel -------------------------------------- */

unsigned long pf_symbol_address(const char *symbol);
unsigned long pf_real_caller(const struct pt_regs *regs, unsigned long caller);
int pf_symbol_init(u32 *classes);

/* ---- lifecycle.c --------------------------------------------------------- */

int pf_lifecycle_arm(void);
void pf_lifecycle_disarm(void);

/* ---- merge.c: one list of VMAs for several processes --------------------- */

/**
 * struct pf_areas - a list of areas that grows
 * @areas: sorted, none overlapping another
 * @nr: how many
 * @room: for how many
 * @strings: their paths
 */
struct pf_areas {
	struct pf_area *areas;
	u32 nr;
	u32 room;
	struct pf_strings strings;
};

void pf_areas_init(struct pf_areas *areas);
int pf_areas_merge(struct pf_areas *areas, const struct pf_layout *layout);
struct pf_layout *pf_layout_make(struct pf_areas *areas);
void pf_areas_free(struct pf_areas *areas);

/* ---- fold.c: processes that ended become one ----------------------------- */

void pf_fold_check(const struct pf_target *target);

/* ---- query.c ------------------------------------------------------------- */

/**
 * struct pf_result - the values of a run
 * @vmas: sorted by address
 * @processes: the first is the run's first
 * @paths: their paths
 * @nr_vmas: elements of @vmas
 * @nr_processes: elements of @processes
 * @run: number of the run
 * @alive: how many processes still exist
 * @pages: distinct pages with CoW faults
 * @kinds: sums
 */
struct pf_result {
	struct pfstat_vma *vmas;
	struct pfstat_process *processes;
	struct pf_strings paths;
	u32 nr_vmas;
	u32 nr_processes;
	u32 alive;
	u64 run;
	u64 pages;
	u64 kinds[PFSTAT_KIND_SLOTS];
};

int pf_query(const struct pf_key *key, u32 process, bool paths,
	     struct pf_result *result);
void pf_result_free(struct pf_result *result);
u64 pf_cow_sum(const u64 *kinds);

/* ---- device.c, classic.c -------------------------------------------------- */

/**
 * struct pf_client - an open file of /dev/pfstat
 * @lock: protects @watch
 * @watching: @watch is set
 * @watch: the target that poll() is about
 */
struct pf_client {
	struct mutex lock;	/* watching, watch */
	bool watching;
	struct pf_key watch;
};

bool pf_privileged(struct file *file);
void pf_key_init(struct pf_key *key, struct file *file);
int pf_key_name(struct pf_key *key, u64 name, u64 len);
void pf_classic_failed(struct file *file, unsigned int cmd, void __user *arg,
		       long err);
long pf_classic_set_param(struct file *file, void *arg);
long pf_classic_get_info(struct file *file, void *arg);
long pf_classic_cleanup(struct file *file, void *arg);

int pfstat_init(void);
void pfstat_exit(void);

#endif /* _PFSTAT_H */

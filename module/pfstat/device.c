// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/pfstat: commands of uapi/pfstat.h.
 *
 * Whoever opened the file with CAP_PERFMON or CAP_SYS_ADMIN tracks processes
 * of all users; others, to whom an administrator gave the node, track and see
 * their own user's only, as targets of their own.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"
#include "pfstat.h"

struct workqueue_struct *pf_wq;

/**
 * pf_privileged() - whether a file's opener may track everybody's processes
 * @file: of the device
 *
 * Return: whether it may.
 */
bool pf_privileged(struct file *file)
{
	return file_ns_capable(file, &init_user_ns, CAP_PERFMON) ||
	       file_ns_capable(file, &init_user_ns, CAP_SYS_ADMIN);
}

/**
 * pf_key_init() - begin a key with what the file's opener may see
 * @key: what to set up
 * @file: of the device
 */
void pf_key_init(struct pf_key *key, struct file *file)
{
	memset(key, 0, sizeof(*key));
	key->limited = !pf_privileged(file);
	key->uid = file->f_cred->uid;
}

static int pf_key_text(struct pf_key *key, u32 type, u64 text, u64 len)
{
	key->type = type;
	if (!len)
		return -EINVAL;
	if (len > PFSTAT_NAME_MAX)
		return -ENAMETOOLONG;
	if (copy_from_user(key->name, pf_user_ptr(text), len)) {
		memset(key->name, 0, sizeof(key->name));
		return -EFAULT;
	}
	key->len = len;
	return memchr(key->name, 0, len) ? -EINVAL : 0;
}

/**
 * pf_key_name() - make it the key of a name
 * @key: from pf_key_init(); keeps what could be read of the name
 * @name: user pointer
 * @len: bytes there
 *
 * Return: 0, -EINVAL, -ENAMETOOLONG or -EFAULT.
 */
int pf_key_name(struct pf_key *key, u64 name, u64 len)
{
	int err = pf_key_text(key, PFSTAT_TARGET_NAME, name, len);

	return !err && memchr(key->name, '/', len) ? -EINVAL : err;
}

/* The key of a cgroup by its path, which need not be there. */
static int pf_key_cgroup(struct pf_key *key, u64 path, u64 len)
{
	int err = pf_key_text(key, PFSTAT_TARGET_CGROUP, path, len);

	return !err && *key->name != '/' ? -EINVAL : err;
}

/* The key of a process to be tracked; its pid is referenced. */
static int pf_key_process(struct pf_key *key, u32 number)
{
	struct pid *pid = find_get_pid(number);
	struct task_struct *task;

	key->type = PFSTAT_TARGET_PID;
	key->pid = pid;
	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (task)	/* only a label: @len, which is compared, stays 0 */
		__get_task_comm(key->name, TASK_COMM_LEN, task);
	rcu_read_unlock();
	return task ? 0 : -ESRCH;
}

/* The key of a target, whose process may be gone; its pid is referenced. */
static int pf_key_target_pid(struct pf_key *key, u32 number)
{
	struct pid *pid;

	key->type = PFSTAT_TARGET_PID;
	pid = pf_target_pid(key, number);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	key->pid = pid;
	return pid ? 0 : -ESRCH;
}

/*
 * The key of a process to be tracked, which may have the number of a target whose
 * process is gone: whoever has the number now is meant. If nobody has, it is the
 * target, for which tracking changes nothing.
 */
static int pf_key_renew(struct pf_key *key, u32 number)
{
	struct pid *target = key->pid;
	int err;

	err = pf_key_process(key, number);
	if (!err || !target) {
		put_pid(target);
		return err;
	}
	put_pid(key->pid);
	key->pid = target;
	return 0;
}

static void pf_key_put(struct pf_key *key)
{
	put_pid(key->pid);
	key->pid = NULL;
}

static int pf_key_target(struct pf_key *key, struct file *file, u32 type,
			 u32 pid, u64 name, u32 name_len)
{
	pf_key_init(key, file);
	switch (type) {
	case PFSTAT_TARGET_NAME:
		return pid ? -EINVAL : pf_key_name(key, name, name_len);
	case PFSTAT_TARGET_PID:
		return name || name_len ? -EINVAL : pf_key_target_pid(key, pid);
	case PFSTAT_TARGET_CGROUP:
		return pid ? -EINVAL : pf_key_cgroup(key, name, name_len);
	default:
		return -EOPNOTSUPP;
	}
}

static int pf_key_track(struct pf_key *key, struct file *file,
			const struct pfstat_track *track)
{
	pf_key_init(key, file);
	if (track->flags || track->reserved)
		return -EINVAL;
	return pf_key_target(key, file, track->type, track->pid, track->name,
			     track->name_len);
}

static long pf_ioc_info(struct file *file, void *arg)
{
	struct pfstat_info *info = arg;
	struct pf_key key;
	int targets;

	if (info->flags)
		return -EINVAL;
	pf_key_init(&key, file);
	targets = pf_target_list(key.limited, key.uid, NULL, 0);
	if (targets < 0)
		return targets;
	info->flags = (pf_hook_armed() ? PFSTAT_INFO_ARMED : 0) |
		      (key.limited ? 0 : PFSTAT_INFO_PRIVILEGED);
	info->abi = PFSTAT_ABI_VERSION;
	info->kinds = pf_hook_kinds();
	info->hook = pf_hook_kind();
	info->targets = targets;
	info->missed = pf_hook_missed();
	info->lost = pf_lost_sum();
	if (!key.limited) {
		info->processes = pf_space_total();
		info->chunks = pf_count_chunks();
	}
	info->chunk_bytes = sizeof(struct pf_chunk);
	info->page_size = PAGE_SIZE;
	return 0;
}

static long pf_ioc_track(struct file *file, void *arg)
{
	struct pfstat_track *track = arg;
	u32 flags = track->flags & (PFSTAT_TRACK_FOLLOW |
				    PFSTAT_TRACK_LATENCY);
	struct pf_key key;
	int err;

	track->flags &= ~flags;	/* the rest must be 0 */
	err = pf_key_track(&key, file, track);
	if ((!err || err == -ESRCH) && track->type == PFSTAT_TARGET_PID)
		err = pf_key_renew(&key, track->pid);
	/* Everybody's page faults pay for it. */
	if (!err && key.limited && (flags & PFSTAT_TRACK_LATENCY))
		err = -EPERM;
	if (!err)
		err = pf_target_track(&key, flags);
	pf_key_put(&key);
	return err;
}

/* UNTRACK and RESET: @fn on a target that should exist. */
static long pf_ioc_on_target(struct file *file, void *arg,
			     int (*fn)(const struct pf_key *key))
{
	struct pf_key key;
	int err;

	err = pf_key_track(&key, file, arg);
	if (!err)
		err = fn(&key);
	pf_key_put(&key);
	return err;
}

static long pf_ioc_untrack(struct file *file, void *arg)
{
	return pf_ioc_on_target(file, arg, pf_target_untrack);
}

static long pf_ioc_reset(struct file *file, void *arg)
{
	return pf_ioc_on_target(file, arg, pf_target_reset);
}

static long pf_ioc_watch(struct file *file, void *arg)
{
	struct pf_client *client = file->private_data;
	struct pf_target *target;
	struct pf_key key;
	int err;

	err = pf_key_track(&key, file, arg);
	if (err)
		goto put;
	raw_spin_lock_irq(&pf_lock);
	target = pf_target_find(&key);
	raw_spin_unlock_irq(&pf_lock);
	err = target ? 0 : -ESRCH;
	if (err)
		goto put;
	mutex_lock(&client->lock);
	swap(client->watch, key);
	client->watching = true;
	mutex_unlock(&client->lock);
put:
	pf_key_put(&key);
	return err;
}

/**
 * struct pf_reply - an array for the user
 * @to: user pointer
 * @to_size: size of an element there
 * @from: the array
 * @size: size of an element here
 * @nr: how many there are
 */
struct pf_reply {
	u64 to;
	u32 to_size;
	const void *from;
	u32 size;
	u32 nr;
};

/* As many elements as there is *@room for; *@room becomes how many there are. */
static int pf_reply(const struct pf_reply *reply, u32 *room)
{
	void __user *to = pf_user_ptr(reply->to);
	u32 common = min(reply->size, reply->to_size);
	u32 i, n = min(*room, reply->nr);

	*room = reply->nr;
	if (reply->to_size > PAGE_SIZE)
		return -E2BIG;
	if (reply->size == reply->to_size)
		return copy_to_user(to, reply->from, (size_t)n * common) ?
		       -EFAULT : 0;
	for (i = 0; i < n; i++, to += reply->to_size) {
		if (copy_to_user(to, reply->from + i * reply->size, common) ||
		    clear_user(to + common, reply->to_size - common))
			return -EFAULT;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static long pf_ioc_list(struct file *file, void *arg)
{
	struct pfstat_list *list = arg;
	struct pf_reply reply = {
		.to = list->targets,
		.to_size = list->target_size,
		.size = sizeof(struct pfstat_target),
	};
	struct pfstat_target *array;
	struct pf_key key;
	long err;
	u32 room;
	int n;

	if (list->flags || (list->count && !list->target_size))
		return -EINVAL;
	pf_key_init(&key, file);
	room = min_t(u32, list->count, PFSTAT_TARGETS_MAX);
	array = kvcalloc(room + 1, sizeof(*array), GFP_KERNEL);
	if (!array)
		return -ENOMEM;
	n = pf_target_list(key.limited, key.uid, array, room);
	if (n < 0) {
		err = n;
	} else {
		reply.from = array;
		reply.nr = min_t(u32, n, room);
		err = pf_reply(&reply, &room);
		list->count = n;
	}
	kvfree(array);
	return err;
}

static long pf_query_answer(struct pfstat_query *query, struct pf_result *r)
{
	const struct pf_reply vmas = {
		query->vmas, query->vma_size, r->vmas, sizeof(*r->vmas),
		r->nr_vmas
	};
	const struct pf_reply processes = {
		query->processes, query->process_size, r->processes,
		sizeof(*r->processes), r->nr_processes
	};
	const struct pf_reply paths = {
		query->paths, 1, r->paths.buf ?: "", 1, r->paths.len
	};
	u32 i, paths_room = query->paths_len;
	int err;

	/* What did not fit is no valid offset for the caller. */
	for (i = 0; i < r->nr_vmas; i++) {
		u32 path = r->vmas[i].path;

		if (path + strlen(pf_strings_at(&r->paths, path)) >= paths_room)
			r->vmas[i].path = 0;
	}
	err = pf_reply(&vmas, &query->nr_vmas);
	if (!err)
		err = pf_reply(&processes, &query->nr_processes);
	if (!err)
		err = pf_reply(&paths, &query->paths_len);
	query->alive = r->alive;
	query->run = r->run;
	query->pages = r->pages;
	memcpy(query->kinds, r->kinds, sizeof(query->kinds));
	return err;
}

static long pf_ioc_query(struct file *file, void *arg)
{
	struct pfstat_query *query = arg;
	struct pf_result result;
	struct pf_key key;
	long err;

	if (query->flags || (query->nr_vmas && !query->vma_size) ||
	    (query->nr_processes && !query->process_size))
		return -EINVAL;
	pf_canary_check();	/* so that what it finds stands in INFO */
	err = pf_key_target(&key, file, query->type, query->pid, query->name,
			    query->name_len);
	if (!err)
		err = pf_query(&key, query->process, query->paths_len,
			       &result);
	if (!err) {
		err = pf_query_answer(query, &result);
		pf_result_free(&result);
	}
	pf_key_put(&key);
	return err;
}

static const struct pf_ioctl pf_ioctls[] = {
	PF_IOCTL(PFSTAT_IOC_INFO, struct pfstat_info, page_size,
		 pf_ioc_info, 0),
	PF_IOCTL(PFSTAT_IOC_TRACK, struct pfstat_track, reserved,
		 pf_ioc_track, PF_IOCTL_IN_ONLY),
	PF_IOCTL(PFSTAT_IOC_UNTRACK, struct pfstat_track, reserved,
		 pf_ioc_untrack, PF_IOCTL_IN_ONLY),
	PF_IOCTL(PFSTAT_IOC_RESET, struct pfstat_track, reserved,
		 pf_ioc_reset, PF_IOCTL_IN_ONLY),
	PF_IOCTL(PFSTAT_IOC_WATCH, struct pfstat_track, reserved,
		 pf_ioc_watch, PF_IOCTL_IN_ONLY),
	PF_IOCTL(PFSTAT_IOC_LIST, struct pfstat_list, target_size,
		 pf_ioc_list, 0),
	PF_IOCTL(PFSTAT_IOC_QUERY, struct pfstat_query, kinds,
		 pf_ioc_query, 0),
	PF_IOCTL(PFSTAT_IOC_SET_PARAM, struct pfstat_classic, reserved,
		 pf_classic_set_param, PF_IOCTL_IN_ONLY),
	PF_IOCTL(PFSTAT_IOC_GET_INFO, struct pfstat_classic, reserved,
		 pf_classic_get_info, PF_IOCTL_IN_ONLY),
	PF_IOCTL(PFSTAT_IOC_CLEANUP, struct pfstat_classic, reserved,
		 pf_classic_cleanup, PF_IOCTL_IN_ONLY),
};

static long pf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uarg = (void __user *)arg;
	long ret;

	ret = pf_ioctl_dispatch(file, cmd, uarg, pf_ioctls,
				ARRAY_SIZE(pf_ioctls));
	if (ret < 0)
		pf_classic_failed(file, cmd, uarg, ret);
	return ret;
}

static __poll_t pf_poll(struct file *file, struct poll_table_struct *wait)
{
	struct pf_client *client = file->private_data;
	struct pf_target *target;
	__poll_t events = 0;

	poll_wait(file, &pf_wait, wait);
	pf_space_sweep();
	mutex_lock(&client->lock);
	if (client->watching) {
		raw_spin_lock_irq(&pf_lock);
		target = pf_target_find(&client->watch);
		if (!target)
			events = EPOLLHUP;
		else if (target->run && !target->nr_alive)
			events = EPOLLIN | EPOLLRDNORM;
		raw_spin_unlock_irq(&pf_lock);
	}
	mutex_unlock(&client->lock);
	return events;
}

static int pf_open(struct inode *inode, struct file *file)
{
	struct pf_client *client;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return -ENOMEM;
	mutex_init(&client->lock);
	file->private_data = client;
	return 0;
}

static int pf_close(struct inode *inode, struct file *file)
{
	struct pf_client *client = file->private_data;

	pf_key_put(&client->watch);
	kfree(client);
	return 0;
}

static const struct file_operations pf_fops = {
	.owner = THIS_MODULE,
	.open = pf_open,
	.release = pf_close,
	.unlocked_ioctl = pf_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = pf_poll,
	.llseek = noop_llseek,
};

static struct miscdevice pf_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pfstat",
	.fops = &pf_fops,
	.mode = 0600,
};

/**
 * pfstat_init() - set up tracking and its device
 *
 * Return: 0 or a negative errno.
 */
int pfstat_init(void)
{
	int err;

	/* Exiting tasks wait for its work, so it must get on without memory. */
	pf_wq = alloc_workqueue("pfstat", WQ_UNBOUND | WQ_MEM_RECLAIM |
				WQ_HIGHPRI, 0);
	if (!pf_wq)
		return -ENOMEM;
	err = pf_count_init();
	if (err)
		goto destroy_wq;
	err = pf_space_init();
	if (err)
		goto exit_count;
	err = pf_hook_init();
	if (err)
		goto exit_space;
	err = misc_register(&pf_device);
	if (err)
		goto exit_hook;
	return 0;

exit_hook:
	pf_hook_exit();
exit_space:
	pf_space_exit();
exit_count:
	pf_count_exit();
destroy_wq:
	destroy_workqueue(pf_wq);
	return err;
}

/**
 * pfstat_exit() - undo pfstat_init()
 */
void pfstat_exit(void)
{
	misc_deregister(&pf_device);
	pf_target_exit();
	pf_hook_exit();
	pf_pending_wait();
	pf_pending_gone();
	pf_space_wait();
	rcu_barrier();	/* targets */
	pf_space_exit();
	pf_count_exit();
	destroy_workqueue(pf_wq);
}

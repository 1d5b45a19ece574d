/*
 * Puts a new process into a running sandbox and makes it a program there. The runtime cannot do this by itself: it has
 * threads, and setns(2) lets only a process with a single thread enter a user namespace. Compiled in memory when it is
 * needed; calls the kernel through `syscall` alone, since the C library's own wrappers know nothing of these children.
 *
 * Both children share the memory of cordon's process, which waits meanwhile (CLONE_VFORK). Nobody inside can look into
 * it: it is not dumpable. All signals are blocked, so that none of the runtime's handlers runs in a child.
 */
#ifdef __x86_64__
enum {
  WRITE = 1, CLOSE = 3, SIGACTION = 13, SIGPROCMASK = 14, EXECVE = 59, EXIT = 60, WAIT4 = 61, FCNTL = 72, CHDIR = 80,
  SETSID = 112, SETGROUPS = 116, SETRESGID = 119, CAPSET = 126, PRCTL = 157, SETNS = 308
};
#else
enum {
  FCNTL = 25, CHDIR = 49, CLOSE = 57, WRITE = 64, CAPSET = 91, EXIT = 93, SIGACTION = 134, SIGPROCMASK = 135,
  SETRESGID = 149, SETSID = 157, SETGROUPS = 159, PRCTL = 167, EXECVE = 221, WAIT4 = 260, SETNS = 268
};
#endif
enum {
  SET_PDEATHSIG = 1, SET_DUMPABLE = 4, SET_SECCOMP = 22, CAPBSET_DROP = 24, SET_NO_NEW_PRIVS = 38, CAP_AMBIENT = 47,
  AMBIENT_CLEAR_ALL = 4, SECCOMP_MODE_FILTER = 2, SIG_SETMASK = 2, SET_FLAGS = 2, SIGKILL = 9, SIGCHLD = 17,
  SHARE_MEMORY = 0x100, WAIT_FOR_EXEC = 0x4000, SIBLING = 0x8000, ENOENT = 2, ENOTDIR = 20
};

/* Where it failed; the same order in enter.ts. */
enum { DONE, CLONE_JOINER, JOIN_LIMITS, SET_GROUPS, JOIN_NAMESPACE, CLONE_PROGRAM, NEW_SESSION, ENTER_DIRECTORY,
       DROP_RIGHTS, LOAD_FILTER, EXECUTE };

/* Filled by enter.ts: every field is 8 bytes long, lists end with -1 or a null pointer. */
struct entry {
  long (*syscall)(long number, ...);
  long (*clone)(long (*body)(struct entry *), char *stack, long flags, struct entry *argument);
  int *(*errno_location)(void);
  char *joiner_stack, *program_stack;
  long *limits;
  long group_count;
  unsigned *groups;
  long group;
  long *namespaces;
  long first_closed, last_closed, new_session;
  char *directory;
  void *filter;
  char **files, **arguments, **environment;
  long pid, step, error;
};

static unsigned long all_signals[1] = { ~0ul };
static unsigned long no_signals[1] = { 0 };
static unsigned long default_action[4] = { 0 };
static unsigned capability_header[2] = { 0x20080522, 0 };
static unsigned no_capabilities[6] = { 0 };

static long give_up(struct entry *entry, long step) {
  entry->step = step;
  entry->error = *entry->errno_location();
  entry->syscall(EXIT, 125l);
  return 0;
}

static long prctl(struct entry *entry, long option, long first, long second) {
  return entry->syscall(PRCTL, option, first, second, 0l, 0l);
}

static long drop_rights(struct entry *entry) {
  long capability;
  /* Up to the first one that this kernel does not know. */
  for (capability = 0; capability < 64; capability++)
    if (prctl(entry, CAPBSET_DROP, capability, 0) < 0) break;
  if (capability == 0) return -1;
  prctl(entry, CAP_AMBIENT, AMBIENT_CLEAR_ALL, 0);
  if (prctl(entry, SET_NO_NEW_PRIVS, 1, 0) < 0) return -1;
  return entry->syscall(CAPSET, capability_header, no_capabilities);
}

static void execute(struct entry *entry) {
  char **file;
  int error = ENOENT;
  for (file = entry->files; *file; file++) {
    entry->syscall(EXECVE, *file, entry->arguments, entry->environment);
    /* As a shell does: look further, but remember that something was there. */
    if (*entry->errno_location() != ENOENT && *entry->errno_location() != ENOTDIR) error = *entry->errno_location();
  }
  *entry->errno_location() = error;
}

static long program(struct entry *entry) {
  long number;
  /* The runtime has made all that it inherited close on exec. */
  for (number = 0; number < entry->first_closed; number++) entry->syscall(FCNTL, number, (long)SET_FLAGS, 0l);
  for (number = entry->first_closed; number <= entry->last_closed; number++) entry->syscall(CLOSE, number);
  for (number = 1; number <= 64; number++) entry->syscall(SIGACTION, number, default_action, 0l, 8l);
  if (entry->new_session && entry->syscall(SETSID) < 0) return give_up(entry, NEW_SESSION);
  if (entry->syscall(CHDIR, entry->directory) < 0) return give_up(entry, ENTER_DIRECTORY);
  if (drop_rights(entry) < 0) return give_up(entry, DROP_RIGHTS);
  if (prctl(entry, SET_PDEATHSIG, SIGKILL, 0) < 0) return give_up(entry, DROP_RIGHTS);
  if (prctl(entry, SET_SECCOMP, SECCOMP_MODE_FILTER, (long)entry->filter) < 0) return give_up(entry, LOAD_FILTER);
  entry->syscall(SIGPROCMASK, (long)SIG_SETMASK, no_signals, 0l, 8l);
  execute(entry);
  return give_up(entry, EXECUTE);
}

static long joiner(struct entry *entry) {
  long *fd;
  for (fd = entry->limits; *fd >= 0; fd++)
    if (entry->syscall(WRITE, *fd, "0", 1l) < 0) return give_up(entry, JOIN_LIMITS);
  if (entry->group_count >= 0 && (entry->syscall(SETGROUPS, entry->group_count, entry->groups) < 0 ||
                                  entry->syscall(SETRESGID, entry->group, entry->group, entry->group) < 0))
    return give_up(entry, SET_GROUPS);
  for (fd = entry->namespaces; *fd >= 0; fd++)
    if (entry->syscall(SETNS, *fd, 0l) < 0) return give_up(entry, JOIN_NAMESPACE);
  /* The new credentials may have changed it. */
  if (prctl(entry, SET_DUMPABLE, 0, 0) < 0) return give_up(entry, JOIN_NAMESPACE);
  /* A process namespace holds for children only; this one is made cordon's own child. */
  entry->pid = entry->clone(program, entry->program_stack, SHARE_MEMORY | WAIT_FOR_EXEC | SIBLING | SIGCHLD, entry);
  if (entry->pid < 0) return give_up(entry, CLONE_PROGRAM);
  entry->syscall(EXIT, 0l);
  return 0;
}

/* Gives the wait status of the program, or -1 when `step` says what failed. */
int enter(struct entry *entry) {
  unsigned long before[1];
  int status = 0;
  long pid;
  prctl(entry, SET_DUMPABLE, 0, 0);
  prctl(entry, SET_PDEATHSIG, SIGKILL, 0);
  entry->syscall(SIGPROCMASK, (long)SIG_SETMASK, all_signals, before, 8l);
  pid = entry->clone(joiner, entry->joiner_stack, SHARE_MEMORY | WAIT_FOR_EXEC | SIGCHLD, entry);
  if (pid < 0) {
    entry->step = CLONE_JOINER;
    entry->error = *entry->errno_location();
  }
  entry->syscall(SIGPROCMASK, (long)SIG_SETMASK, before, 0l, 8l);
  if (pid > 0) entry->syscall(WAIT4, pid, &status, 0l, 0l);
  if (entry->pid > 0) entry->syscall(WAIT4, entry->pid, &status, 0l, 0l);
  return entry->step == DONE ? status : -1;
}

/*
 * Opens sockets in a sandbox's network namespace, for the gateway that runs outside. The runtime has threads, and setns(2)
 * lets only a process with a single thread enter a user namespace: so a child does it that shares memory and descriptors
 * with cordon's process, which waits meanwhile (CLONE_VFORK). What the child opens is cordon's own when it is gone. It
 * stays outside of the sandbox's process namespace, where nobody inside can see it. All signals are blocked, so that
 * none of the runtime's handlers runs in the child. Compiled in memory when a filtered network starts.
 */
#ifdef __x86_64__
enum {
  CLOSE = 3, SIGPROCMASK = 14, IOCTL = 16, NANOSLEEP = 35, SOCKET = 41, CONNECT = 42, BIND = 49, LISTEN = 50, SETSOCKOPT = 54, EXIT = 60,
  WAIT4 = 61, PRCTL = 157, SETNS = 308
};
#else
enum {
  IOCTL = 29, CLOSE = 57, EXIT = 93, NANOSLEEP = 101, SIGPROCMASK = 135, PRCTL = 167, SOCKET = 198, BIND = 200, LISTEN = 201, CONNECT = 203,
  SETSOCKOPT = 208, WAIT4 = 260, SETNS = 268
};
#endif
enum {
  SET_PDEATHSIG = 1, GET_DUMPABLE = 3, SET_DUMPABLE = 4, SIG_SETMASK = 2, SIGKILL = 9, WAIT_ALL = 0x40000000, SHARE_MEMORY = 0x100,
  SHARE_DESCRIPTORS = 0x400, WAIT_FOR_EXIT = 0x4000, INET = 2, STREAM = 1, DATAGRAM = 2, NONBLOCK_CLOEXEC = 0x80800,
  SOL_SOCKET = 1, REUSEADDR = 2, IPPROTO_IPV6 = 41, V6ONLY = 26, BACKLOG = 4096, SET_ADDRESS = 0x8916, SET_MASK = 0x891c, GET_FLAGS = 0x8913, IS_UP = 1,
  EADDRNOTAVAIL = 99, EINPROGRESS = 115, TRIES = 20000
};

/* Where it failed; the same order in namespace.ts. */
enum { DONE, CLONE_CHILD, ENTER_USER, ENTER_NETWORK };

/* What is wanted; the same order in namespace.ts. */
enum { LISTENER, DATAGRAMS, CONNECTION, ADDRESS };

/* Filled by namespace.ts: every field is 8 bytes long. `result` is a descriptor, or a negative error number. */
struct wish {
  long kind, family;
  char *address;
  long length;
  char *mask;
  long result;
};

struct request {
  long (*syscall)(long number, ...);
  long (*clone)(long (*body)(struct request *), char *stack, long flags, struct request *argument);
  int *(*errno_location)(void);
  char *stack;
  long user, network, count;
  struct wish *wishes;
  long step, error;
};

static unsigned long all_signals[1] = { ~0ul };
static int one[1] = { 1 };
static long tenth_of_ms[2] = { 0, 100000 };

static long give_up(struct request *request, long step) {
  request->step = step;
  request->error = *request->errno_location();
  request->syscall(EXIT, 1l);
  return 0;
}

static long add_address(struct request *request, struct wish *wish, long fd) {
  if (request->syscall(IOCTL, fd, (long)SET_ADDRESS, wish->address) < 0) return -1;
  return wish->mask ? request->syscall(IOCTL, fd, (long)SET_MASK, wish->mask) : 0;
}

/*
 * bubblewrap tells the pid of its child a moment before that one gives the loopback interface its address and then brings
 * it up. Before, everything here goes wrong without an error: the kernel, which has no table of local addresses yet,
 * binds sockets to any, and an address of ours would come first and take 127.0.0.1 with it when its mask changes. Two
 * seconds are far more than it takes on a busy machine.
 */
static void await_loopback(struct request *request) {
  struct { char name[16]; short flags; char rest[22]; } interface = { "lo", 0, "" };
  long fd = request->syscall(SOCKET, (long)INET, (long)(DATAGRAM | NONBLOCK_CLOEXEC), 0l);
  long left = TRIES;
  if (fd < 0) return;
  while (request->syscall(IOCTL, fd, (long)GET_FLAGS, &interface) == 0 && !(interface.flags & IS_UP) && left-- > 0)
    request->syscall(NANOSLEEP, tenth_of_ms, 0l);
  request->syscall(CLOSE, fd);
}

/* Between the interface's being up and its addresses' being bindable is another moment. */
static long bind_patiently(struct request *request, struct wish *wish, long fd) {
  long left = TRIES;
  while (request->syscall(BIND, fd, wish->address, wish->length) < 0) {
    if (wish->family != INET || *request->errno_location() != EADDRNOTAVAIL || left-- == 0) return -1;
    request->syscall(NANOSLEEP, tenth_of_ms, 0l);
  }
  return 0;
}

static long prepare(struct request *request, struct wish *wish, long fd) {
  if (wish->kind == ADDRESS) return add_address(request, wish, fd);
  if (wish->kind == CONNECTION) {
    if (request->syscall(CONNECT, fd, wish->address, wish->length) == 0) return 0;
    return *request->errno_location() == EINPROGRESS ? 0 : -1;
  }
  request->syscall(SETSOCKOPT, fd, (long)SOL_SOCKET, (long)REUSEADDR, one, 4l);
  if (wish->family != INET) request->syscall(SETSOCKOPT, fd, (long)IPPROTO_IPV6, (long)V6ONLY, one, 4l);
  if (bind_patiently(request, wish, fd) < 0) return -1;
  return wish->kind == LISTENER ? request->syscall(LISTEN, fd, (long)BACKLOG) : 0;
}

static void fulfil(struct request *request, struct wish *wish) {
  long type = (wish->kind == DATAGRAMS || wish->kind == ADDRESS ? DATAGRAM : STREAM) | NONBLOCK_CLOEXEC;
  long fd = request->syscall(SOCKET, wish->family, type, 0l);
  long failed = fd < 0 ? -1 : prepare(request, wish, fd);
  wish->result = failed < 0 ? -*request->errno_location() : fd;
  if (fd >= 0 && (failed < 0 || wish->kind == ADDRESS)) request->syscall(CLOSE, fd);
}

static long child(struct request *request) {
  long at;
  request->syscall(PRCTL, (long)SET_PDEATHSIG, (long)SIGKILL, 0l, 0l, 0l);
  if (request->syscall(SETNS, request->user, 0l) < 0) return give_up(request, ENTER_USER);
  if (request->syscall(SETNS, request->network, 0l) < 0) return give_up(request, ENTER_NETWORK);
  await_loopback(request);
  for (at = 0; at < request->count; at++) fulfil(request, &request->wishes[at]);
  request->syscall(EXIT, 0l);
  return 0;
}

/* 0, or -1 when `step` says what failed. */
int open_inside(struct request *request) {
  unsigned long before[1];
  /* Taking part in another user namespace changes it, for the memory that is shared. */
  long dumpable = request->syscall(PRCTL, (long)GET_DUMPABLE, 0l, 0l, 0l, 0l);
  long pid;
  request->syscall(SIGPROCMASK, (long)SIG_SETMASK, all_signals, before, 8l);
  pid = request->clone(child, request->stack, SHARE_MEMORY | SHARE_DESCRIPTORS | WAIT_FOR_EXIT, request);
  if (pid < 0) {
    request->step = CLONE_CHILD;
    request->error = *request->errno_location();
  }
  request->syscall(SIGPROCMASK, (long)SIG_SETMASK, before, 0l, 8l);
  if (pid > 0) request->syscall(WAIT4, pid, 0l, (long)WAIT_ALL, 0l);
  request->syscall(PRCTL, (long)SET_DUMPABLE, dumpable, 0l, 0l, 0l);
  return request->step == DONE ? 0 : -1;
}

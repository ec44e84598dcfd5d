package confine

import (
	"fmt"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// calls are the system calls that a running sensor needs, on any architecture: those of Go's runtime and of the C
// library's threads, of files below its folder, and of sockets that others connect to. What is missing on purpose:
// execve and its like, connect, sendmsg, ptrace, mount, bpf, io_uring (which would go around this list), new namespaces.
var calls = []string{
	// memory, threads, time, signals to itself
	"brk", "mmap", "munmap", "mprotect", "mremap", "madvise", "mincore", "membarrier", "futex", "set_robust_list", "rseq", "sched_yield",
	"sched_getaffinity", "exit", "exit_group", "gettid", "getpid", "getppid", "tgkill", "restart_syscall", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "sigaltstack", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday",
	"setitimer", "timer_create", "timer_settime", "timer_delete", "getrandom", "uname", "getuid", "geteuid", "getgid", "getegid",
	"prlimit64", "getrlimit", "getrusage", "sysinfo", "arch_prctl", "waitid", "wait4",
	// files
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek", "close", "fcntl", "fstat", "newfstatat", "statx", "fstatfs",
	"openat", "unlinkat", "renameat", "renameat2", "mkdirat", "fchmod", "fchmodat", "ftruncate", "fallocate", "fsync", "fdatasync",
	"flock", "getdents64", "getcwd", "readlinkat", "faccessat", "faccessat2", "dup", "dup3", "pipe2", "eventfd2", "unlink", "open", "stat", "lstat", "rename", "mkdir",
	// readiness
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
	// sockets
	"bind", "listen", "accept", "accept4", "shutdown", "setsockopt", "getsockopt", "getsockname", "getpeername", "recvfrom", "recvmsg", "recvmmsg",
}

// Calls leaves every thread the calls of the list and answers all others with EPERM. New sockets are of IP or ask for
// the machine's addresses (netlink), and are neither raw nor of packets; sendto can name no IP address, new processes
// cannot be made. The error wraps ErrMissing where the kernel has no seccomp filters.
func Calls() error { return load() }

// CallsOut is Calls for a process that connects to others and hands the connections over: it may do that, too.
func CallsOut() error { return load("connect", "sendmsg", "sendmmsg", "sendto") }

func load(more ...string) error {
	if !seccomp.Supported() {
		return fmt.Errorf("seccomp: %w", ErrMissing)
	}
	policy, err := policy(more)
	if err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	filter := seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: policy}
	if err := seccomp.LoadFilter(filter); err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	return nil
}

func policy(more []string) (seccomp.Policy, error) {
	machine, err := arch.GetInfo("")
	if err != nil {
		return seccomp.Policy{}, err
	}
	allowed := seccomp.SyscallGroup{Action: seccomp.ActionAllow}
	for _, name := range slices.Concat(calls, more) {
		if _, ok := machine.SyscallNames[name]; ok { // Newer architectures lack some of the old ones.
			allowed.Names = append(allowed.Names, name)
		}
	}
	for _, c := range conditional() {
		if !slices.Contains(more, c.Name) {
			allowed.NamesWithCondtions = append(allowed.NamesWithCondtions, c)
		}
	}
	return seccomp.Policy{DefaultAction: seccomp.ActionErrno, Syscalls: []seccomp.SyscallGroup{
		allowed,
		// The C library makes threads with clone where clone3 is not there; of that, arguments cannot be seen.
		{Names: []string{"clone3"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)},
	}}, nil
}

// smallestIP is the least size of an IP address that sendto takes (struct sockaddr_in); the kernel's netlink addresses
// are smaller.
const smallestIP = 16

func conditional() []seccomp.NameWithConditions {
	on := func(argument uint32, op seccomp.Operation, value uint64) seccomp.Condition {
		return seccomp.Condition{Argument: argument, Operation: op, Value: value}
	}
	list := []seccomp.NameWithConditions{
		{Name: "clone", Conditions: seccomp.ArgumentConditions{on(0, seccomp.BitsSet, unix.CLONE_THREAD)}},
		{Name: "sendto", Conditions: seccomp.ArgumentConditions{on(5, seccomp.LessThan, smallestIP)}},
		{Name: "ioctl", Conditions: seccomp.ArgumentConditions{on(1, seccomp.Equal, unix.TIOCINQ)}},
		{Name: "prctl", Conditions: seccomp.ArgumentConditions{on(0, seccomp.Equal, unix.PR_SET_VMA)}}, // names of Go's heap
		{Name: "socket", Conditions: seccomp.ArgumentConditions{
			on(0, seccomp.Equal, unix.AF_NETLINK), on(2, seccomp.Equal, unix.NETLINK_ROUTE)}},
	}
	for _, family := range []uint64{unix.AF_INET, unix.AF_INET6} {
		for _, kind := range []uint64{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
			list = append(list, seccomp.NameWithConditions{Name: "socket", Conditions: seccomp.ArgumentConditions{
				on(0, seccomp.Equal, family), on(1, seccomp.Equal, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)}})
		}
	}
	return list
}

// CallsSupported says whether Calls has something to work with.
func CallsSupported() bool { return seccomp.Supported() }

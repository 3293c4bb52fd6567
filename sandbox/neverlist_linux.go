package sandbox

// neverList returns the calls that kill a role: no code of ours and none of its
// libraries makes them, so whoever does has taken the process over. What is in
// neither list is refused with EPERM and the process lives: there may be a library
// that asks for it and goes on without.
//
// clone is missing here: see roleRuntime.
func neverList() []rule {
	var rows []rule
	for _, c := range neverCalls {
		rows = append(rows, rule{c.name, c.amd64, c.arm64, kill, always, c.why})
	}
	return rows
}

// neverCall is a call that kills.
type neverCall struct {
	name         string
	amd64, arm64 uint32
	why          string
}

// Reasons that several calls share.
const (
	becomesAnother = "becomes another program"
	makesProcess   = "makes a process; threads come by clone"
	intoOthers     = "reaches into another process"
	intoKernel     = "puts code into the kernel"
	movesMounts    = "changes what paths mean"
	leavesSpace    = "enters or makes a namespace"
	movesKeys      = "the kernel's keys are of no use to us, and have had many holes"
	pastFilter     = "does work that this filter does not see"
	changesUser    = "changes the user or its rights"
	rulesMachine   = "rules the machine"
)

//nolint:gochecknoglobals // a table, never written
var neverCalls = []neverCall{
	{"execve", 59, 221, becomesAnother},
	{"execveat", 322, 281, becomesAnother + ", also one that is in memory alone"},
	{"uselib", 134, absent, becomesAnother},
	{"fork", 57, absent, makesProcess},
	{"vfork", 58, absent, makesProcess},
	{"clone3", 435, 435, makesProcess + "; its flags are in memory, where no filter sees them"},
	{"ptrace", 101, 117, intoOthers},
	{"process_vm_readv", 310, 270, intoOthers},
	{"process_vm_writev", 311, 271, intoOthers},
	{"process_madvise", 440, 440, intoOthers},
	{"process_mrelease", 448, 448, intoOthers},
	{"pidfd_getfd", 438, 438, intoOthers},
	{"kcmp", 312, 272, intoOthers},
	{"bpf", 321, 280, intoKernel},
	{"init_module", 175, 105, intoKernel},
	{"finit_module", 313, 273, intoKernel},
	{"delete_module", 176, 106, intoKernel},
	{"kexec_load", 246, 104, intoKernel},
	{"kexec_file_load", 320, 294, intoKernel},
	{"perf_event_open", 298, 241, "watches the kernel, and has had many holes"},
	{"userfaultfd", 323, 282, "stops the kernel in the middle of a copy; the helper of many holes"},
	{"io_uring_setup", 425, 425, pastFilter},
	{"io_uring_enter", 426, 426, pastFilter},
	{"io_uring_register", 427, 427, pastFilter},
	{"mount", 165, 40, movesMounts},
	{"umount2", 166, 39, movesMounts},
	{"pivot_root", 155, 41, movesMounts},
	{"chroot", 161, 51, movesMounts},
	{"move_mount", 429, 429, movesMounts},
	{"open_tree", 428, 428, movesMounts},
	{"open_tree_attr", 467, 467, movesMounts},
	{"fsopen", 430, 430, movesMounts},
	{"fsconfig", 431, 431, movesMounts},
	{"fsmount", 432, 432, movesMounts},
	{"fspick", 433, 433, movesMounts},
	{"mount_setattr", 442, 442, movesMounts},
	{"open_by_handle_at", 304, 265, "opens files without a path"},
	{"setns", 308, 268, leavesSpace},
	{"unshare", 272, 97, leavesSpace},
	{"keyctl", 250, 219, movesKeys},
	{"add_key", 248, 217, movesKeys},
	{"request_key", 249, 218, movesKeys},
	{"personality", 135, 92, "switches off what protects memory"},
	{"modify_ldt", 154, absent, "opens the way to 16-bit code"},
	{"iopl", 172, absent, rulesMachine},
	{"ioperm", 173, absent, rulesMachine},
	{"setuid", 105, 146, changesUser},
	{"setgid", 106, 144, changesUser},
	{"setreuid", 113, 145, changesUser},
	{"setregid", 114, 143, changesUser},
	{"setresuid", 117, 147, changesUser},
	{"setresgid", 119, 149, changesUser},
	{"setgroups", 116, 159, changesUser},
	{"setfsuid", 122, 151, changesUser},
	{"setfsgid", 123, 152, changesUser},
	{"capset", 126, 91, changesUser},
	{"swapon", 167, 224, rulesMachine},
	{"swapoff", 168, 225, rulesMachine},
	{"reboot", 169, 142, rulesMachine},
	{"acct", 163, 89, rulesMachine},
	{"quotactl", 179, 60, rulesMachine},
	{"settimeofday", 164, 170, rulesMachine},
	{"clock_settime", 227, 112, rulesMachine},
	{"sethostname", 170, 161, rulesMachine},
	{"setdomainname", 171, 162, rulesMachine},
	{"syslog", 103, 116, rulesMachine},
}

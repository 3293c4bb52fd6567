package frame

// Cause says why a parser came to its end. The set is closed, so that deaths can
// be counted by it. Its zero value is no cause.
type Cause uint8

// The causes. The first four are reasons of the adapter to have a parser killed.
const (
	// CauseHung says that it did not answer within its time.
	CauseHung Cause = iota + 1
	// CauseNonsense says that it sent what no parser of ours sends.
	CauseNonsense
	// CauseUnproven says that it had read a body that was not proven.
	CauseUnproven
	// CauseSurplus says that it had read proven bodies and nothing else, and made room
	// for one that has read nothing.
	CauseSurplus
	// CauseSyscall says that it asked the kernel for what the policy forbids.
	CauseSyscall
	// CauseKilled says that somebody else killed it: the kernel, for want of
	// memory, or a person.
	CauseKilled
	// CauseCrash says that it crashed: a panic, a fatal error, a fault.
	CauseCrash
	// CauseExit says that it ended in another way.
	CauseExit
	// CauseStart says that it was never ready.
	CauseStart
)

// Causes returns all causes, in order.
func Causes() []Cause {
	return []Cause{CauseHung, CauseNonsense, CauseUnproven, CauseSurplus, CauseSyscall, CauseKilled, CauseCrash, CauseExit, CauseStart}
}

// String returns the word for the cause, or "unknown".
func (c Cause) String() string {
	switch c {
	case CauseHung:
		return "hung"
	case CauseNonsense:
		return "nonsense"
	case CauseUnproven:
		return "unproven"
	case CauseSurplus:
		return "surplus"
	case CauseSyscall:
		return "syscall"
	case CauseKilled:
		return "killed"
	case CauseCrash:
		return "crash"
	case CauseExit:
		return "exit"
	case CauseStart:
		return "start"
	default:
		return "unknown"
	}
}

// fits reports whether a record of the kind may have the cause.
func (c Cause) fits(k ControlKind) bool {
	switch k {
	case ControlKill:
		return c >= CauseHung && c <= CauseSurplus
	case ControlDied:
		return c >= CauseHung && c <= CauseStart
	case ControlReady, ControlBraked, ControlSealed, ControlLayers, ControlTally:
		return c == 0
	default:
		return false
	}
}

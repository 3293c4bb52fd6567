package sandbox

// Exit codes of the parser process; they are lines of the one table of exit
// codes that all commands share.
const (
	// ExitUsage says that a flag or an argument is wrong.
	ExitUsage = 2
	// ExitFailure says that the process failed by a fault of ours.
	ExitFailure = 3
	// ExitMissingLayer says that a required sandbox layer is missing.
	ExitMissingLayer = 4
)

package supervisor

import (
	"fmt"
	"strings"

	"blockgate/sandbox"
)

// Exit codes after which a restart cannot help, beyond those of the sandbox.
const (
	exitFiles = 5 // The data directory or a file in it is unusable.
	exitBus   = 6 // The bus is unreachable or refused us.
)

// goCrash is the exit code of a Go program that panics or meets a fatal error.
const goCrash = 2

// ExitError ends the service: a process ended, before any of its kind was ever
// ready, in a way that a restart cannot mend.
type ExitError struct {
	Code   int    // The exit code that the whole service should end with.
	Role   string // "supervisor", "broker", "adapter" or "parser".
	Detail string // What was seen, in one line.
}

// Error names the role and what was seen.
func (e *ExitError) Error() string { return e.Role + ": " + e.Detail }

// fatal reports whether a restart is useless after that exit code.
func fatal(code int) bool {
	switch code {
	case sandbox.ExitUsage, sandbox.ExitMissingLayer, exitFiles, exitBus:
		return true
	default:
		return false
	}
}

// unfit reports whether no other parser is to be tried after so many in a row, of
// one place, that ended with that code before any was ever ready. The code of a
// crash is also that of an unknown flag: one crash may pass, more are the program.
func unfit(code, inRow int) bool {
	return fatal(code) && (code != goCrash || inRow >= maxStartCrashes)
}

// hopeless reports whether a restart of the adapter is useless after that exit
// code. An adapter tries again what may pass, so what it says of files and bus is
// its last word, also when it, or one before it, was ready. That it cannot be
// confined it only says before it is ready itself: who takes it over later does
// not end the service with that.
func hopeless(code int, wasReady, anyWasReady bool) bool {
	return fatal(code) && !anyWasReady || code == exitFiles || code == exitBus || code == sandbox.ExitMissingLayer && !wasReady
}

// ownFailure is an [*ExitError] for what the supervisor itself could not do.
func ownFailure(role, doing string, err error) *ExitError {
	return &ExitError{Code: sandbox.ExitFailure, Role: role, Detail: fmt.Sprintf("%s: %v", doing, err)}
}

// firstLine returns the first line of what a parser said, printable and cut.
func firstLine(said []byte) string {
	line, _, _ := strings.Cut(string(said), "\n")
	return printable(line, lineLimit)
}

// printable replaces what is not printable ASCII by '?', and cuts.
func printable(text string, limit int) string {
	clean := []byte(text[:min(len(text), limit)])
	for i, c := range clean {
		if c < ' ' || c > '~' {
			clean[i] = '?'
		}
	}
	return string(clean)
}

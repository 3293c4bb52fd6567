package main

import (
	"errors"
	"fmt"
	"strings"

	"blockgate/sandbox"
	"blockgate/supervisor"
)

// exitCode is what a command tells its caller by its exit status. The table is
// one for all commands; --help and docs/exit-codes.md show it.
type exitCode int

const (
	exitOK      exitCode = 0
	exitNo      exitCode = 1
	exitUsage   exitCode = 2
	exitOwn     exitCode = 3
	exitSandbox exitCode = 4
	exitData    exitCode = 5
	exitBus     exitCode = 6
)

var exitTexts = [...]string{ //nolint:gochecknoglobals // a table, never written
	exitOK:      "done",
	exitNo:      "the answer is no: an invalid block, a check that was not met, an order that was refused",
	exitUsage:   "a wrong flag, variable or argument",
	exitOwn:     "blockgate's own failure; the last line of the log says which",
	exitSandbox: "a required sandbox layer is missing; `blockgate doctor` says what to do",
	exitData:    "data directory or file unusable: in use, not writable, newer format, other network, no service",
	exitBus:     "the bus cannot be used: port taken, credentials, stream settings, a journal begun elsewhere",
}

// exitTable returns the table as text, a line a code.
func exitTable() string {
	var b strings.Builder
	for code, text := range exitTexts {
		fmt.Fprintf(&b, "  %d  %s\n", code, text)
	}
	return b.String()
}

// exitError is an error that knows its exit code.
type exitError struct {
	code exitCode
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// exitf makes an error with its exit code.
func exitf(code exitCode, format string, args ...any) error {
	return &exitError{code, fmt.Errorf(format, args...)}
}

// usagef makes an error of the caller: flag, variable or argument.
func usagef(format string, args ...any) error { return exitf(exitUsage, format, args...) }

// codeOf returns the exit code that an error stands for.
func codeOf(err error) exitCode {
	var known *exitError
	var role *supervisor.ExitError
	var layer *sandbox.MissingError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &known):
		return known.code
	case errors.As(err, &layer):
		return exitSandbox
	case errors.As(err, &role):
		return exitCode(role.Code)
	default:
		return exitOwn
	}
}

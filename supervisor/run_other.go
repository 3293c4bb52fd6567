//go:build !linux

package supervisor

import (
	"context"
	"runtime"

	"blockgate/sandbox"
)

// Run returns an [*ExitError] with the code for a missing sandbox layer: only
// Linux can confine a parser.
func Run(context.Context, Config) error {
	return &ExitError{Code: sandbox.ExitMissingLayer, Role: "supervisor", Detail: "no sandbox on " + runtime.GOOS + "; use Linux"}
}

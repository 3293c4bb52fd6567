package supervisor

import (
	"fmt"
	"log/slog"

	"blockgate/sandbox"
	"blockgate/sandbox/frame"
)

// Config says what to run. The zero value of each field is what its comment says;
// ParserPath, Parsers and AdapterArgs have none.
type Config struct {
	// Self is the program of broker and adapter; empty is this program,
	// /proc/self/exe.
	Self string
	// ParserPath is the program of the parsers. It is opened once: replacing the
	// file does not change what runs.
	ParserPath string
	// Parsers is how many parsers there are, 1 to frame.MaxWorkers.
	Parsers int
	// AdapterArgs are the adapter's arguments after the program name.
	AdapterArgs []string
	// BrokerArgs are the broker's; nil runs no broker.
	BrokerArgs []string
	// AdapterConfig and BrokerConfig are what each start of the role reads from
	// descriptor 3, at most [MaxConfigBytes]. Secrets belong here.
	AdapterConfig, BrokerConfig []byte
	// Env is the environment of broker and adapter; nil is empty. That of a parser
	// is always empty.
	Env []string
	// Log takes what happens; nil drops it. Messages and keys are stable.
	Log *slog.Logger
	// AllowNoLandlock lets parsers run where the kernel has no Landlock.
	AllowNoLandlock bool
	// Own is what is known of our own confinement, for the adapter to show; without
	// layers nothing is.
	Own sandbox.Report
	// AttestRoles has the kernel asked whether broker and adapter are confined when they
	// say that they are ready: one that is not costs itself its life. Off, as in tests of
	// roles that are none, their word stands.
	AttestRoles bool
	// BuildID is the build identity that a parser must have; empty is this
	// program's.
	BuildID string
}

// withDefaults returns the configuration with every field filled in, or an
// [*ExitError] with the code for usage.
func (c Config) withDefaults() (Config, error) {
	if c.Self == "" {
		c.Self = "/proc/self/exe"
	}
	if c.Env == nil {
		c.Env = []string{} // nil would mean our own
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.BuildID == "" {
		c.BuildID = sandbox.BuildID()
	}
	wrong := ""
	switch {
	case c.ParserPath == "":
		wrong = "no path of the parser program"
	case c.Parsers < 1 || c.Parsers > frame.MaxWorkers:
		wrong = fmt.Sprintf("%d parsers, want 1 to %d", c.Parsers, frame.MaxWorkers)
	case c.AdapterArgs == nil:
		wrong = "no arguments for the adapter"
	case max(len(c.AdapterConfig), len(c.BrokerConfig)) > MaxConfigBytes:
		wrong = fmt.Sprintf("configuration of more than %d bytes", MaxConfigBytes)
	}
	if wrong != "" {
		return c, &ExitError{Code: sandbox.ExitUsage, Role: "supervisor", Detail: wrong}
	}
	return c, nil
}

package sandbox

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// arch is what a filter must know of an architecture.
type arch struct {
	name  string
	audit uint32
	x32   bool // The architecture has a second table of calls above bit 30.
}

// archOf returns the architecture of that Go name, and whether there is a
// policy for it.
func archOf(name string) (arch, bool) {
	switch name {
	case "amd64":
		return arch{name, unix.AUDIT_ARCH_X86_64, true}, true
	case "arm64":
		return arch{name, unix.AUDIT_ARCH_AARCH64, false}, true
	default:
		return arch{}, false
	}
}

// number returns the number of the rule's call on the architecture.
func (a arch) number(r rule) uint32 {
	if a.name == "arm64" {
		return r.arm64
	}
	return r.amd64
}

// Instructions of classic BPF, and where struct seccomp_data has its fields.
// The arguments are 64 bits each, low word first on both architectures.
const (
	loadWord  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jumpEqual = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jumpAbove = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	giveBack  = unix.BPF_RET | unix.BPF_K

	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16

	x32Bit = 0x40000000
)

// assemble builds the filter of a policy, in which a call has one rule and whatever
// no rule lets through is killed.
func assemble(a arch, rules []rule) ([]unix.SockFilter, error) {
	return assembleTable(a, rules, ruleBody, kill)
}

// assembleTable builds a filter from a table:
//
//	foreign architecture: kill
//	number with the x32 bit (amd64): kill
//	for each rule: if it is the number, its body
//	rest
//
// A rule whose call the architecture does not have is left out.
func assembleTable(a arch, rules []rule, bodyOf func(rule) []unix.SockFilter, rest uint32) ([]unix.SockFilter, error) {
	p := prologue(a)
	for _, r := range rules {
		if a.number(r) == absent {
			continue
		}
		body := bodyOf(r)
		if len(body) > 255 {
			return nil, fmt.Errorf("rule for %s has %d instructions, more than a jump can pass", r.name, len(body))
		}
		p = append(p, unix.SockFilter{Code: jumpEqual, K: a.number(r), Jf: uint8(len(body))})
		p = append(p, body...)
	}
	p = append(p, unix.SockFilter{Code: giveBack, K: rest})
	if len(p) > maxProgram {
		return nil, fmt.Errorf("filter has %d instructions, at most %d", len(p), maxProgram)
	}
	return p, nil
}

// prologue kills what calls by another table than the architecture's, and loads
// the call's number.
func prologue(a arch) []unix.SockFilter {
	p := []unix.SockFilter{
		{Code: loadWord, K: offsetArch},
		{Code: jumpEqual, K: a.audit, Jt: 1},
		{Code: giveBack, K: kill},
		{Code: loadWord, K: offsetNumber},
	}
	if a.x32 {
		p = append(p, unix.SockFilter{Code: jumpAbove, K: x32Bit, Jf: 1}, unix.SockFilter{Code: giveBack, K: kill})
	}
	return p
}

// ruleBody is what runs when the number is the rule's. A rule with conditions
// that do not hold ends in a kill: one call has one rule.
func ruleBody(r rule) []unix.SockFilter {
	if len(r.when) == 0 {
		return []unix.SockFilter{{Code: giveBack, K: r.action}}
	}
	var body []unix.SockFilter
	for _, conds := range r.when {
		body = append(body, alternative(conds, r.action)...)
	}
	return append(body, unix.SockFilter{Code: giveBack, K: kill})
}

// alternative returns action if all conditions hold, and falls through to what
// follows it if one does not.
func alternative(conds []cond, action uint32) []unix.SockFilter {
	var p []unix.SockFilter
	for _, c := range conds {
		low := uint32(offsetArgs + 8*c.arg)
		p = append(p, unix.SockFilter{Code: loadWord, K: low}, unix.SockFilter{Code: jumpEqual, K: uint32(c.value)})
		if c.bits == 64 {
			p = append(p, unix.SockFilter{Code: loadWord, K: low + 4}, unix.SockFilter{Code: jumpEqual, K: uint32(c.value >> 32)})
		}
	}
	p = append(p, unix.SockFilter{Code: giveBack, K: action})
	for i := range p {
		if p[i].Code == jumpEqual {
			p[i].Jf = uint8(len(p) - i - 1)
		}
	}
	return p
}

// filterCalls installs the policy on every thread.
func filterCalls(*situation) []Layer {
	l := Layer{Name: LayerSeccomp, Required: true, State: StateMissing}
	a, ok := archOf(runtime.GOARCH)
	if !ok {
		l.Detail = "no policy for " + runtime.GOARCH
		return []Layer{l}
	}
	rules := policy(os.Getpid())
	program, err := assemble(a, rules)
	if err != nil {
		l.Detail = err.Error()
		return []Layer{l}
	}
	if err := install(program); err != nil {
		l.Detail = err.Error()
		return []Layer{l}
	}
	l.State = StateOK
	l.Detail = fmt.Sprintf("%d calls, %d instructions, the rest kills", len(rules), len(program))
	return []Layer{l}
}

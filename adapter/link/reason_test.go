package link

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestReasons(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range append(Reasons(), ReasonNone) {
		name := r.String()
		if name == "" || seen[name] {
			t.Errorf("reason %d is called %q", r, name)
		}
		for _, b := range []byte(name) {
			if b != '-' && (b < 'a' || b > 'z') {
				t.Errorf("reason %q: want lower-case words and hyphens", name)
			}
		}
		seen[name] = true
	}
	if len(Reasons()) != int(reasonEnd)-1 {
		t.Errorf("%d reasons, want %d", len(Reasons()), reasonEnd-1)
	}
	if r := reasonEnd; r.Ban() || r.String() != fmt.Sprintf("reason(%d)", r) {
		t.Errorf("a reason that is none: %s, ban %t", r, r.Ban())
	}
}

// TestReasonBan keeps faults that a poor line or an old node can have from
// costing an address.
func TestReasonBan(t *testing.T) {
	harmless := map[Reason]bool{
		ReasonNone: true, ReasonLocal: true, ReasonRemoteClosed: true, ReasonHandshakeTimeout: true,
		ReasonProtocol: true, ReasonMissingServices: true, ReasonOldVersion: true, ReasonBadChecksum: true,
		ReasonSlowFrame: true, ReasonSilent: true, ReasonNoPong: true, ReasonWriteTimeout: true, ReasonSendQueueFull: true,
		ReasonNoEncryption: true, ReasonBadPacket: true,
	}
	for _, r := range append(Reasons(), ReasonNone) {
		if r.Ban() == harmless[r] {
			t.Errorf("%s: ban %t", r, r.Ban())
		}
	}
}

func TestReasonOf(t *testing.T) {
	end := &EndError{ReasonSilent, "for long"}
	tests := []struct {
		name string
		err  error
		want Reason
		text string
	}{
		{"none", nil, ReasonNone, ""},
		{"bare", end, ReasonSilent, "silent: for long"},
		{"wrapped", fmt.Errorf("peer 7: %w", end), ReasonSilent, "peer 7: silent: for long"},
		{"joined", errors.Join(io.EOF, end), ReasonSilent, "EOF\nsilent: for long"},
		{"another", io.EOF, ReasonProtocol, "EOF"},
		{"without detail", &EndError{Reason: ReasonLocal}, ReasonLocal, "local"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ReasonOf(test.err); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if test.err != nil && test.err.Error() != test.text {
				t.Errorf("got %q, want %q", test.err, test.text)
			}
		})
	}
}

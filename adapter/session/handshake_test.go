package session

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

// TestHello (M20) reads what we say of ourselves, byte by byte: the same to everybody, with
// nothing of this host, the library, the build or the way to the peer.
func TestHello(t *testing.T) {
	byHand(t, "10.1.2.3:18444", func(c *Config) { c.BestHeight = 777 }, func(_ *recorder, _ *Session, h *hand) {
		command, p := h.receive()
		if command != "version" || len(p) != 80+1+len(UserAgent)+4+1 {
			t.Fatalf("first message is %s of %d bytes", command, len(p))
		}
		if v := binary.LittleEndian.Uint32(p); v != 70016 {
			t.Errorf("version %d", v)
		}
		if s := binary.LittleEndian.Uint64(p[4:]); s != 0 {
			t.Errorf("services %x, want none", s)
		}
		nowhere := slices.Concat(make([]byte, 8+10), []byte{0xff, 0xff}, make([]byte, 4+2))
		if !bytes.Equal(p[20:46], nowhere) && !bytes.Equal(p[20:46], make([]byte, 26)) {
			t.Errorf("their address is told: %x", p[20:46])
		}
		if !bytes.Equal(p[46:72], make([]byte, 26)) {
			t.Errorf("our address is told: %x", p[46:72])
		}
		if ua := string(p[81 : 81+int(p[80])]); ua != "/blockgate:0.1.0/" {
			t.Errorf("user agent %q", ua)
		}
		tail := p[len(p)-5:]
		if height := binary.LittleEndian.Uint32(tail); height != 777 {
			t.Errorf("height %d", height)
		}
		if tail[4] != 0 {
			t.Error("we ask for transactions")
		}
		h.handshake()
		var rest []string
		for c, _ := h.receive(); c != ""; c, _ = h.receive() {
			rest = append(rest, c)
		}
		if got := strings.Join(rest, " "); got != "sendaddrv2 verack sendheaders" {
			t.Errorf("then came %q", got)
		}
	})
}

func TestReady(t *testing.T) {
	byHand(t, "10.0.0.2:18444", nil, func(r *recorder, _ *Session, h *hand) {
		h.send("wtxidrelay", nil) // before version: ignored
		h.send("version", version(70013, 1|8|1024, "/evil\n\x1b[31m\"\xff/"))
		h.send("sendaddrv2", nil)
		h.send("version", version(1, 0, "/second/")) // ignored
		h.send("ping", make([]byte, 8))              // ignored
		if len(only[Ready](r)) != 0 {
			t.Error("ready before verack")
		}
		h.send("verack", nil)
		want := Ready{Services: 1033, Version: 70013, StartHeight: 321, UserAgent: `/evil\n\x1b[31m\"\xff/`, Relay: true}
		if got := only[Ready](r); len(got) != 1 || got[0] != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		h.send("verack", nil) // ignored
		time.Sleep(time.Minute)
		if c := r.closed(); c != (Closed{}) {
			t.Errorf("closed: %+v", c)
		}
	})
}

// TestUserAgentLimit (W14, W17): what a peer calls itself is cut and escaped.
// TestUserAgentLimit (W14) cuts and escapes a user agent.
func TestUserAgentLimit(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256} {
		byHand(t, "10.0.0.2:18444", nil, func(r *recorder, _ *Session, h *hand) {
			h.send("version", version(70016, 9, strings.Repeat("\xff", n)))
			h.send("verack", nil)
			got := only[Ready](r)
			if len(got) != 1 || len(got[0].UserAgent) != min(4*n, maxUserAgent) {
				t.Errorf("%d bytes: got %+v", n, got)
			}
		})
	}
	byHand(t, "10.0.0.2:18444", nil, func(r *recorder, _ *Session, h *hand) {
		h.send("version", version(70016, 9, strings.Repeat("x", 257)))
		if got := r.closed(); got.Reason != link.ReasonOversize {
			t.Errorf("257 bytes: %+v", got)
		}
	})
}

// TestClaims (M22): who does not serve what we need, or speaks too old a version, goes.
// TestClaims (M22) takes what a peer claims as a hint, and refuses only those who say
// themselves that they have not what we want.
func TestClaims(t *testing.T) {
	tests := []struct {
		name     string
		version  uint32
		services uint64
		want     link.Reason
	}{
		{"all there", MinVersion, 9, link.ReasonNone},
		{"and more", MinVersion + 1, 0xfff, link.ReasonNone},
		{"old", MinVersion - 1, 9, link.ReasonOldVersion},
		{"negative", 1 << 31, 9, link.ReasonOldVersion},
		{"no blocks", 70016, 8, link.ReasonMissingServices},
		{"pruned", 70016, 8 | 1024, link.ReasonMissingServices},
		{"no witness", 70016, 1, link.ReasonMissingServices},
		{"nothing", 70016, 0, link.ReasonMissingServices},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			byHand(t, "10.0.0.2:18444", nil, func(r *recorder, _ *Session, h *hand) {
				if _, err := h.conn.Write(append(frame("version", version(test.version, test.services, "/x/")), frame("verack", nil)...)); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if got := r.closed(); got.Reason != test.want {
					t.Errorf("closed by %+v, want %s", got, test.want)
				}
				if ready := len(only[Ready](r)) == 1; ready != (test.want == link.ReasonNone) {
					t.Errorf("ready %t", ready)
				}
			})
		})
	}
}

// TestHandshakeTimeout (W14) ends what never becomes a session, whatever it says meanwhile.
func TestHandshakeTimeout(t *testing.T) {
	tests := []struct {
		manual bool
		limit  time.Duration
	}{{false, HandshakeTimeout}, {true, ManualHandshakeTimeout}}
	steps := []struct {
		name string
		do   func(*hand)
	}{
		{"silence", func(*hand) {}},
		{"half a version", func(h *hand) { _, _ = h.conn.Write(frame("version", version(70016, 9, "/x/"))[:50]) }},
		{"version alone", func(h *hand) { h.send("version", version(70016, 9, "/x/")) }},
		{"chatter", func(h *hand) {
			h.send("version", version(70016, 9, "/x/"))
			h.send("headers", []byte{0})
			h.send("whatever", make([]byte, 1000))
		}},
	}
	for _, test := range tests {
		for _, step := range steps {
			t.Run(step.name, func(t *testing.T) {
				byHand(t, "10.0.0.2:18444", func(c *Config) { c.Manual = test.manual }, func(r *recorder, _ *Session, h *hand) {
					step.do(h)
					limit := test.limit
					if step.name == "half a version" { // the frame's own deadline is shorter
						limit = min(limit, link.FrameTimeout(80+1+3+5))
					}
					time.Sleep(limit - time.Millisecond)
					synctest.Wait()
					if got := r.closed(); got != (Closed{}) {
						t.Errorf("too early: %+v", got)
					}
					time.Sleep(2 * time.Millisecond)
					synctest.Wait()
					want := link.ReasonHandshakeTimeout
					if limit != test.limit {
						want = link.ReasonSlowFrame
					}
					if got := r.closed(); got.Reason != want {
						t.Errorf("closed by %+v, want %s", got, want)
					}
				})
			})
		}
	}
}

// TestAddresses: the session starts whatever the other end is called.
func TestAddresses(t *testing.T) {
	for _, remote := range []string{"127.0.0.1:18444", "[2001:db8::1]:8333", "[::ffff:10.0.0.1]:1", ":0"} {
		byHand(t, remote, nil, func(r *recorder, _ *Session, h *hand) {
			h.handshake()
			if len(only[Ready](r)) != 1 {
				t.Errorf("%s: not ready: %+v", remote, r.closed())
			}
		})
	}
}

func TestNetworks(t *testing.T) {
	for _, network := range btc.Networks() {
		byHand(t, "10.0.0.2:1", func(c *Config) { c.Params = network.Params() }, func(_ *recorder, _ *Session, h *hand) {
			head, err := h.in.Peek(4)
			if err != nil || binary.LittleEndian.Uint32(head) != network.Params().Magic {
				t.Errorf("%s: first bytes %x, %v", network, head, err)
			}
		})
	}
}

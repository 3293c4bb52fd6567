package link

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestTake hands addresses on, whole and checked, and nothing of them to the engine.
func TestTake(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.send(slices.Concat(frame("addr", []byte("first")), frame("addrv2", nil), frame("addrv2", []byte("second"))))
		r.wantReason(ReasonNone)
		if want := []string{"addr first", "addrv2 second"}; !slices.Equal(r.taken, want) {
			t.Errorf("%q, want %q", r.taken, want)
		}
		if r.engineGot([]byte("addr")) > 0 {
			t.Error("the engine got addresses")
		}
		spoilt := frame("addr", []byte("third"))
		spoilt[20] ^= 1
		r.send(spoilt)
		r.wantReason(ReasonBadChecksum)
		if len(r.taken) != 2 {
			t.Errorf("%q: the last was spoilt", r.taken)
		}
	})
	inBubble(t, func(r *rig) {
		r.refuse = errors.New("no \n sense")
		r.send(frame("addr", []byte("first")))
		r.wantReason(ReasonMalformed)
		if got := r.conn.Err().Error(); got != `malformed: addr of 5 bytes: no \n sense` {
			t.Errorf("%s", got)
		}
	})
}

// TestGossipFlood (M13) cuts a peer off that tells too much in a minute of what nobody
// asked for, and lets it tell as much again in the next.
func TestGossipFlood(t *testing.T) {
	for _, name := range []string{"addr", "addrv2", "inv"} {
		inBubble(t, func(r *rig) {
			const size = 16 << 10
			told := frame(name, make([]byte, size))
			for range 2 {
				for range MaxGossipBytes / size {
					r.send(told)
				}
				r.wantReason(ReasonNone)
				time.Sleep(time.Minute + time.Second)
				synctest.Wait()
			}
			for range MaxGossipBytes / size {
				r.send(told)
			}
			r.send(frame(name, []byte{0}))
			r.wantReason(ReasonUselessBytes)
		})
	}
}

// TestMessageFlood (M18) cuts a peer off that sends too many messages in a minute, however
// short they are.
func TestMessageFlood(t *testing.T) {
	for name, payload := range map[string][]byte{"pong": make([]byte, 8), "headers": {0}, "notfound": {0}} {
		inBubble(t, func(r *rig) {
			told := frame(name, payload)
			r.send(bytes.Repeat(told, MaxMessages-2)) // after version and verack
			r.wantReason(ReasonNone)
			_, _ = r.far.Write(told)
			r.wantReason(ReasonMessageFlood)
		})
	}
}

// TestWriteTimeoutScales gives a long frame more time, by its size.
func TestWriteTimeoutScales(t *testing.T) {
	for size, want := range map[int]time.Duration{0: WriteTimeout, frameRate: WriteTimeout + time.Second, 400_000: WriteTimeout + 20*time.Second} {
		if got := writeTimeout(size); got != want {
			t.Errorf("%d bytes: %v, want %v", size, got, want)
		}
	}
	inBubble(t, func(r *rig) {
		go func() { _ = r.conn.Inject(CommandOf("tx"), make([]byte, 400_000)) }() // more than the pipe holds
		r.atAndAfter(writeTimeout(400_000+frameHeaderSize), ReasonWriteTimeout)
	})
}

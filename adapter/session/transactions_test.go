package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

var (
	payTxid, payWtxid = btc.Hash{1, 2, 3}, btc.Hash{4, 5, 6}
	payRaw            = bytes.Repeat([]byte("transaction "), 20)
)

// entries is the payload of an inv or getdata.
func entries(kindsAndHashes ...any) []byte {
	b := btc.AppendCompactSize(nil, uint64(len(kindsAndHashes)/2))
	for i := 0; i < len(kindsAndHashes); i += 2 {
		b = binary.LittleEndian.AppendUint32(b, uint32(kindsAndHashes[i].(int)))
		hash := kindsAndHashes[i+1].(btc.Hash)
		b = append(b, hash[:]...)
	}
	return b
}

func asCarrier(c *Config) { c.Purpose, c.BestHeight = link.Carrier, 777 }

func asObserver(c *Config) {
	c.Purpose, c.BestHeight = link.Observer, 777
	c.Waits = func(txid btc.Hash) bool { return txid == payTxid || txid == payWtxid }
}

func announce(t *testing.T, s *Session) {
	t.Helper()
	if err := s.Announce(payTxid, payWtxid, func() ([]byte, error) { return payRaw, nil }); err != nil {
		t.Errorf("announce: %v", err)
	}
	synctest.Wait()
}

func (h *hand) wants(command string, payload []byte) {
	h.t.Helper()
	got, body := h.receive()
	if got != command || payload != nil && !bytes.Equal(body, payload) {
		h.t.Errorf("got %q of %d bytes, want %q of %d", got, len(body), command, len(payload))
	}
}

func (h *hand) wantsNothing(when string) {
	h.t.Helper()
	if got, _ := h.receive(); got != "" {
		h.t.Errorf("%s: got %q, want nothing", when, got)
	}
}

// What a carrier says in its handshake: that it wants transactions, that it can give
// witnesses, and nothing of what we know; an observer, what all connections say, but for
// the first.
func TestTransactionHandshakes(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*Config)
		services uint64
		height   uint32
		relay    byte
	}{
		"carrier":  {asCarrier, 8, 0, 1},
		"observer": {asObserver, 0, 777, 1},
		"blocks":   {func(c *Config) { c.BestHeight = 777 }, 0, 777, 0},
	} {
		byHand(t, "10.0.0.2:18444", c.change, func(r *recorder, _ *Session, h *hand) {
			_, v := h.receive()
			if got := binary.LittleEndian.Uint64(v[4:]); got != c.services {
				t.Errorf("%s: services %d, want %d", name, got, c.services)
			}
			if got := binary.LittleEndian.Uint32(v[len(v)-5:]); got != c.height || v[len(v)-1] != c.relay {
				t.Errorf("%s: height %d, relay %d", name, got, v[len(v)-1])
			}
			h.handshake()
			for command, _ := h.receive(); command != ""; command, _ = h.receive() {
				if name != "blocks" && command != "verack" && command != "sendaddrv2" {
					t.Errorf("%s sends %s", name, command)
				}
			}
			if len(only[Ready](r)) != 1 {
				t.Errorf("%s is not ready", name)
			}
		})
	}
}

// A carrier announces its transaction, gives it to whoever asks for it in one of the
// three ways, once, and tells when the peer has read it.
func TestCarrier(t *testing.T) {
	for name, asked := range map[string][]byte{
		"by txid":                entries(1, payTxid),
		"with witness":           entries(1<<30|1, payTxid),
		"by wtxid":               entries(5, payWtxid),
		"among others":           entries(1, btc.Hash{9}, 2, payTxid, 1, payTxid, 1, payTxid),
		"as many as may be read": entries(append(repeat(15, 1, btc.Hash{9}), 1, payTxid)...),
	} {
		t.Run(name, func(t *testing.T) {
			byHand(t, "10.0.0.2:18444", asCarrier, func(r *recorder, s *Session, h *hand) {
				h.handshake()
				h.drain()
				announce(t, s)
				h.wants("inv", entries(1, payTxid))
				h.wantsNothing("before it is asked for")
				h.send("getdata", asked)
				h.wants("tx", payRaw)
				command, nonce := h.receive()
				if command != "ping" || len(nonce) != 8 {
					t.Fatalf("%s %x after the transaction", command, nonce)
				}
				h.send("getdata", asked)
				h.wantsNothing("asked again")
				h.send("pong", make([]byte, 8))
				if got := only[TxTaken](r); len(got) != 0 {
					t.Errorf("%v by a pong of another ping", got)
				}
				h.send("pong", nonce)
				h.send("pong", nonce)
				if got := only[TxTaken](r); len(got) != 1 || got[0].Txid != payTxid {
					t.Errorf("taken: %v", got)
				}
				if err := s.Announce(btc.Hash{8}, btc.Hash{8}, nil); !errors.Is(err, ErrPurpose) {
					t.Errorf("a second transaction: %v", err)
				}
				if got := r.closed(); got != (Closed{}) {
					t.Errorf("closed: %+v", got)
				}
			})
		})
	}
}

func repeat(n int, kindAndHash ...any) []any {
	var out []any
	for range n {
		out = append(out, kindAndHash...)
	}
	return out
}

// M02: a getdata of whatever else is answered by nothing, and costs a bounded step.
func TestCarrierAnswersNothingElse(t *testing.T) {
	for name, asked := range map[string][]byte{
		"another transaction":      entries(1, btc.Hash{9}),
		"its wtxid as a txid":      entries(1, payWtxid),
		"its txid as a wtxid":      entries(5, payTxid),
		"a block of that hash":     entries(2, payTxid, 1<<30|2, payTxid, 4, payTxid, 3, payTxid, 0, payTxid),
		"nothing":                  entries(),
		"more than may be read":    entries(append(repeat(16, 1, btc.Hash{9}), 1, payTxid)...),
		"as many as the limit has": entries(repeat(50_000, 1, payTxid)...),
	} {
		t.Run(name, func(t *testing.T) {
			byHand(t, "10.0.0.2:18444", asCarrier, func(r *recorder, s *Session, h *hand) {
				h.handshake()
				h.drain()
				h.send("getdata", entries(1, payTxid))
				h.wantsNothing("before anything is announced")
				announce(t, s)
				h.drain()
				h.send("getdata", asked)
				h.wantsNothing("asked for " + name)
				if got := r.closed(); got != (Closed{}) {
					t.Errorf("closed: %+v", got)
				}
			})
		})
	}
}

// M02, M03: malformed inventories end a session at once; each cut of a good one is one.
func TestMalformedInventories(t *testing.T) {
	good := entries(1, payTxid, 1, payTxid)
	bad := [][]byte{append(bytes.Clone(good), 0), {0xfd, 2, 0}, {0xff, 255, 255, 255, 255, 255, 255, 255, 255}, {0xfe, 0, 0, 0, 1}}
	for n := 1; n < len(good); n++ {
		bad = append(bad, good[:n])
	}
	for _, c := range []struct {
		command string
		change  func(*Config)
	}{{"getdata", asCarrier}, {"inv", asObserver}} {
		for _, payload := range bad {
			byHand(t, "10.0.0.2:18444", c.change, func(r *recorder, s *Session, h *hand) {
				h.handshake()
				h.drain()
				if c.command == "getdata" {
					announce(t, s)
					h.drain()
				}
				h.send(c.command, payload)
				if got := r.closed(); got.Reason != link.ReasonMalformed {
					t.Errorf("%s of %x: %+v", c.command, payload, got)
				}
				if len(only[TxHeard](r)) > 0 {
					t.Errorf("%s of %x: something was heard", c.command, payload)
				}
			})
		}
	}
}

// A tx ends every session before a byte of it is read, and what else comes to a
// connection for transactions goes nowhere.
func TestTransactionPolicy(t *testing.T) {
	for name, change := range map[string]func(*Config){"carrier": asCarrier, "observer": asObserver} {
		byHand(t, "10.0.0.2:18444", change, func(r *recorder, s *Session, h *hand) {
			h.handshake()
			h.drain()
			headers := append([]byte{1}, make([]byte, 81)...)
			for command, payload := range map[string][]byte{
				"headers": headers, "notfound": entries(2, btc.Hash{1}), "addr": {0}, "addrv2": {0}, "getheaders": make([]byte, 69),
				"getaddr": nil, "mempool": nil, "feefilter": make([]byte, 8), "sendheaders": nil, "wtxidrelay": nil, "what": []byte("ever"),
			} {
				h.send(command, payload)
				h.wantsNothing(name + " gets " + command)
			}
			if name == "carrier" {
				h.send("inv", entries(1, payTxid, 2, payTxid))
			} else {
				h.send("getdata", entries(1, payTxid))
				h.send("inv", entries(2, payTxid))
			}
			h.wantsNothing("the other's message")
			if got := len(r.events); got != 1 {
				t.Errorf("%s: %d events, want Ready alone: %v", name, got, r.events)
			}
			if err := s.Announce(payTxid, payWtxid, nil); name == "observer" && !errors.Is(err, ErrPurpose) {
				t.Errorf("an observer announces: %v", err)
			}
			head := frame("tx", make([]byte, 1000))[:24]
			if _, err := h.conn.Write(head); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if got := r.closed(); got.Reason != link.ReasonUnrequestedTx {
				t.Errorf("%s: a tx: %+v", name, got)
			}
		})
	}
	byHand(t, "10.0.0.2:18444", nil, func(_ *recorder, s *Session, h *hand) {
		h.handshake()
		h.drain()
		if err := s.Announce(payTxid, payWtxid, nil); !errors.Is(err, ErrPurpose) {
			t.Errorf("a peer for blocks is told: %v", err)
		}
		h.send("getdata", entries(1, payTxid))
		h.wantsNothing("a peer for blocks asks")
	})
}

// M03: of a flood of announcements an observer tells what is waited for, once, and
// remembers nothing; too much of it ends the session.
func TestObserver(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	byHand(t, "10.0.0.2:18444", asObserver, func(r *recorder, s *Session, h *hand) {
		h.handshake()
		h.drain()
		h.send("inv", entries(5, payTxid, 2, payTxid, 1<<30|1, payTxid)) // no announcement of a txid
		var full []any
		for range link.MaxInventory {
			var hash btc.Hash
			binary.LittleEndian.PutUint64(hash[:], dice.Uint64())
			full = append(full, 1, hash)
		}
		h.send("inv", entries(full...))
		if got := only[TxHeard](r); len(got) != 0 || len(s.heard) != 0 {
			t.Errorf("heard %v", got)
		}
		full[2*dice.IntN(link.MaxInventory)+1] = payTxid
		h.send("inv", entries(full...))
		h.send("inv", entries(full...))
		h.send("inv", entries(1, payTxid, 1, payTxid))
		if got := only[TxHeard](r); len(got) != 1 || got[0].Txid != payTxid {
			t.Errorf("heard %v", got)
		}
		h.send("inv", entries(append(full, 1, payWtxid)...)) // more than are read
		if got := only[TxHeard](r); len(got) != 1 {
			t.Errorf("heard %v", got)
		}
		h.wantsNothing("announced")
		sent := 0
		for payload := entries(full...); r.closed() == (Closed{}) && sent <= link.MaxGossipBytes; sent += len(payload) {
			h.send("inv", payload)
		}
		if got := r.closed(); got.Reason != link.ReasonUselessBytes {
			t.Errorf("after %d bytes: %+v", sent, got)
		}
	})
}

// A transaction that cannot be read is our fault: the session ends for no fault of the
// peer.
func TestCarrierWithoutBytes(t *testing.T) {
	byHand(t, "10.0.0.2:18444", asCarrier, func(r *recorder, s *Session, h *hand) {
		if err := s.Announce(payTxid, payWtxid, nil); !errors.Is(err, ErrNotReady) {
			t.Errorf("before the handshake: %v", err)
		}
		h.handshake()
		h.drain()
		if err := s.Announce(payTxid, payWtxid, func() ([]byte, error) { return nil, errors.New("disk") }); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		h.drain()
		h.send("getdata", entries(1, payTxid))
		h.wantsNothing("asked")
		if got := r.closed(); got.Reason != link.ReasonLocal {
			t.Errorf("closed: %+v", got)
		}
		if err := s.Announce(payTxid, payWtxid, nil); !errors.Is(err, ErrPurpose) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// What an observer reads costs no memory.
func TestInventoryAllocations(t *testing.T) {
	var full []any
	for i := range link.MaxInventory {
		full = append(full, 1, btc.Hash{byte(i), byte(i >> 8)})
	}
	payload := entries(full...)
	s := &Session{cfg: Config{Waits: func(btc.Hash) bool { return false }}, heard: map[btc.Hash]bool{}}
	if n := testing.AllocsPerRun(100, func() {
		if s.txInvReceived(payload) != nil {
			t.Error("malformed")
		}
	}); n > 0 {
		t.Errorf("%v allocations for an inv", n)
	}
}

// FuzzInventory: what is visited is what the bytes say, all of it or none.
func FuzzInventory(f *testing.F) {
	f.Add(entries(1, payTxid, 5, payWtxid))
	f.Add(entries())
	f.Add([]byte{0xfd, 1, 0})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var again []any
		err := eachEntry(payload, func(kind uint32, hash btc.Hash) { again = append(again, int(kind), hash) })
		if err != nil {
			if len(again) > 0 {
				t.Fatalf("%v after %d entries", err, len(again)/2)
			}
			return
		}
		if got := entries(again...); !bytes.Equal(got, payload) {
			t.Fatalf("%x is read as %x", payload, got)
		}
	})
}

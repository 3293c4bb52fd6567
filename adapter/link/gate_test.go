package link_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

func gateFrame(magic uint32, command string, sizeBytes int) [24]byte {
	var h [24]byte
	binary.LittleEndian.PutUint32(h[:], magic)
	copy(h[4:16], command)
	binary.LittleEndian.PutUint32(h[16:], uint32(sizeBytes))
	return h
}

// TestGate checks that a gate says of a frame what a connection would.
func TestGate(t *testing.T) {
	const magic = 0xdab5bffa
	for name, test := range map[string]struct {
		command string
		size    int
		magic   uint32
		want    link.Verdict
		end     link.Reason
	}{
		"headers pass":          {"headers", 81, magic, link.Pass, link.ReasonNone},
		"headers of most":       {"headers", 3 + 2000*81, magic, link.Pass, link.ReasonNone},
		"headers of one more":   {"headers", 3 + 2000*81 + 1, magic, link.Pass, link.ReasonOversize},
		"block is diverted":     {"block", 81, magic, link.Divert, link.ReasonNone},
		"block of the most":     {"block", link.MaxPayload, magic, link.Divert, link.ReasonNone},
		"block of one more":     {"block", link.MaxPayload + 1, magic, link.Divert, link.ReasonOversize},
		"block without a count": {"block", 80, magic, link.Divert, link.ReasonShortBlock},
		"ping is answered":      {"ping", 8, magic, link.Answer, link.ReasonNone},
		"tx was not asked for":  {"tx", 100, magic, link.Ban, link.ReasonUnrequestedTx},
		"unknown goes nowhere":  {"news", 100, magic, link.Unknown, link.ReasonNone},
		"second version":        {"version", 100, magic, link.Drop, link.ReasonNone},
		"no command":            {"a\x00b", 0, magic, link.Unknown, link.ReasonBadCommand},
		"other network":         {"ping", 8, 0xd9b4bef9, link.Ban, link.ReasonWrongMagic},
	} {
		t.Run(name, func(t *testing.T) {
			g := link.NewGate(magic)
			for _, first := range []string{"version", "verack"} {
				if _, _, verdict, err := g.Frame(time.Unix(1, 0), gateFrame(magic, first, map[string]int{"version": 100}[first])); verdict != link.Pass || err != nil {
					t.Fatalf("%s: %v, %v", first, verdict, err)
				}
			}
			command, size, verdict, err := g.Frame(time.Unix(1, 0), gateFrame(test.magic, test.command, test.size))
			if verdict != test.want || link.ReasonOf(err) != test.end {
				t.Errorf("%s of %d bytes: %v, %v, want %v, %v", command, size, verdict, err, test.want, test.end)
			}
		})
	}
}

// TestGatePhases checks that nothing but version passes before the handshake.
func TestGatePhases(t *testing.T) {
	g := link.NewGate(1)
	for _, step := range []struct {
		command string
		size    int
		want    link.Verdict
	}{
		{"headers", 81, link.Drop},
		{"verack", 0, link.Drop},
		{"version", 90, link.Pass},
		{"ping", 8, link.Drop},
		{"verack", 0, link.Pass},
		{"ping", 8, link.Answer},
	} {
		if _, _, verdict, err := g.Frame(time.Unix(1, 0), gateFrame(1, step.command, step.size)); verdict != step.want || err != nil {
			t.Fatalf("%s: %v, %v, want %v", step.command, verdict, err, step.want)
		}
	}
}

// TestGateFloods checks each count at its limit and one above it (M18).
func TestGateFloods(t *testing.T) {
	now := time.Unix(1, 0)
	open := func() *link.Gate {
		g := link.NewGate(1)
		_, _, _, _ = g.Frame(now, gateFrame(1, "version", 90))
		_, _, _, _ = g.Frame(now, gateFrame(1, "verack", 0))
		return g
	}
	frame := func(g *link.Gate, command string, size int) error {
		_, _, _, err := g.Frame(now, gateFrame(1, command, size))
		return err
	}
	for name, test := range map[string]struct {
		most int
		want link.Reason
		send func(*link.Gate) error
	}{
		"pings":    {link.MaxPings, link.ReasonPingFlood, func(g *link.Gate) error { return frame(g, "ping", 8) }},
		"unasked":  {link.MaxUnaskedBlocks, link.ReasonUnaskedBlocks, func(g *link.Gate) error { return g.Unasked(now, btc.Hash{1}) }},
		"messages": {link.MaxMessages - 2, link.ReasonMessageFlood, func(g *link.Gate) error { return frame(g, "headers", 1) }}, // after version and verack
		"gossip":   {link.MaxGossipBytes / (1 << 14), link.ReasonUselessBytes, func(g *link.Gate) error { return frame(g, "addr", 1<<14) }},
		"empty":    {link.MaxDroppedBytes / 24, link.ReasonUselessBytes, func(g *link.Gate) error { return frame(g, "news", 0) }},
		"useless":  {link.MaxDroppedBytes / (1 << 20), link.ReasonUselessBytes, func(g *link.Gate) error { return frame(g, "news", 1<<20-24) }},
	} {
		t.Run(name, func(t *testing.T) {
			g := open()
			for i := range test.most {
				if err := test.send(g); err != nil {
					t.Fatalf("number %d: %v", i+1, err)
				}
			}
			err := test.send(g)
			if end, ok := errors.AsType[*link.EndError](err); !ok || end.Reason != test.want {
				t.Errorf("number %d: %v, want %v", test.most+1, err, test.want)
			}
		})
	}
}

package jetstream

import (
	"testing"

	"blockgate/bus"
	"blockgate/internal/btc"
)

func partOf(size int) part { return part{bytes: make([]byte, size)} }

func TestPendingStaysWithinItsBound(t *testing.T) {
	const size = 1000
	p := newPending(3 * (size + partOverhead))
	for seq := range uint64(10) {
		p.add(seq, partOf(size))
		if p.size > p.limit || len(p.parts) > 3 {
			t.Fatalf("%d bytes in %d parts, limit %d", p.size, len(p.parts), p.limit)
		}
	}
	for seq, want := range map[uint64]bool{6: false, 7: true, 8: true, 9: true} {
		if _, ok := p.take(seq); ok != want {
			t.Errorf("part %d is held: %v", seq, ok)
		}
	}
	if p.size != 0 {
		t.Errorf("%d bytes are left of nothing", p.size)
	}
	p.add(20, partOf(p.limit)) // larger than all room
	p.add(21, partOf(p.limit-partOverhead))
	p.add(21, partOf(1)) // a second one at the same place
	if one, ok := p.take(21); !ok || len(one.bytes) != p.limit-partOverhead || len(p.parts) != 0 {
		t.Errorf("part of the whole limit: %v", ok)
	}
}

// Parts come and go for ever; the list of their order must not grow.
func TestPendingForgetsWhatWasTaken(t *testing.T) {
	p := newPending(1 << 20)
	p.add(0, partOf(1))
	for seq := uint64(1); seq < 10_000; seq++ {
		p.add(seq, partOf(100))
		p.take(seq)
	}
	if len(p.order) > 100 || len(p.parts) != 1 {
		t.Errorf("%d in order, %d held", len(p.order), len(p.parts))
	}
}

func TestPartIsOfItsEvent(t *testing.T) {
	hash := btc.Hash{1}
	subject := bus.Subject{Network: btc.Regtest, ID: "a", Topic: bus.TopicData, Height: 3, Hash: hash}
	event := &bus.Event{Hash: hash, Height: 3}
	one, err := newPart(message{subject: subject.String(), header: bus.EncodePart(2), payload: []byte{1}})
	if err != nil || !one.is(event, 2) {
		t.Fatalf("%+v, %v", one, err)
	}
	if one.is(event, 1) || one.is(&bus.Event{Hash: hash, Height: 4}, 2) || one.is(&bus.Event{Height: 3}, 2) {
		t.Error("it is the part of another")
	}
	subject.Topic = bus.TopicBlock
	for _, m := range []message{
		{subject: subject.String(), header: bus.EncodePart(0), payload: []byte{1}},
		{subject: "x", header: bus.EncodePart(0), payload: []byte{1}},
	} {
		if _, err := newPart(m); err == nil {
			t.Errorf("%s is taken as a part", m.subject)
		}
	}
}

package bip324

import (
	"bytes"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
)

func commandOf(name string) (command [CommandSize]byte) {
	copy(command[:], name)
	return command
}

// TestCommands goes through all ids: what is cut is what was put together.
func TestCommands(t *testing.T) {
	short := 0
	for id := range 256 {
		command, payload, err := Cut([]byte{byte(id), 'p'})
		switch {
		case id == 0:
			if !errors.Is(err, ErrShortCommand) {
				t.Errorf("id 0: %v", err)
			}
		case id >= len(shortIDs):
			if !errors.Is(err, ErrUnknownID) {
				t.Errorf("id %d: %v", id, err)
			}
		default:
			short++
			if err != nil || string(payload) != "p" || !bytes.Equal(AppendCommand(nil, command), []byte{byte(id)}) {
				t.Errorf("id %d: command %q, payload %q, error %v", id, command, payload, err)
			}
		}
	}
	if short != 28 {
		t.Errorf("%d short ids", short)
	}
}

// TestLongCommands has commands without a short id, and some that are none.
func TestLongCommands(t *testing.T) {
	for _, name := range []string{"version", "verack", "sendheaders", "twelve bytes", "", "ping ", "\xff\x00ping"} {
		want := append([]byte{0}, make([]byte, CommandSize)...)
		copy(want[1:], name)
		got := AppendCommand([]byte("before"), commandOf(name))
		if !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("%q: %q", name, got)
		}
		command, payload, err := Cut(append(got[len("before"):], "payload"...))
		if command != commandOf(name) || string(payload) != "payload" || err != nil {
			t.Errorf("%q: cut to %q and %q, error %v", name, command, payload, err)
		}
		for cut := 1; cut < len(want); cut++ {
			if _, _, err := Cut(want[:cut]); !errors.Is(err, ErrShortCommand) {
				t.Errorf("%q, %d bytes: %v", name, cut, err)
			}
		}
	}
	if _, _, err := Cut(nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("nothing: %v", err)
	}
	if _, payload, err := Cut(AppendCommand(nil, commandOf("ping"))); len(payload) != 0 || err != nil {
		t.Errorf("no payload: %q, error %v", payload, err)
	}
}

// TestAgainstWire holds commands to what btcd writes and reads.
func TestAgainstWire(t *testing.T) {
	block := wire.MsgBlock{}
	for _, message := range []wire.Message{
		wire.NewMsgPing(7), wire.NewMsgPong(7), wire.NewMsgVerAck(), wire.NewMsgGetHeaders(), wire.NewMsgInv(), &block,
		wire.NewMsgGetData(), wire.NewMsgHeaders(), wire.NewMsgNotFound(), wire.NewMsgTx(1), wire.NewMsgFeeFilter(5),
		wire.NewMsgSendHeaders(), wire.NewMsgSendAddrV2(), wire.NewMsgMemPool(), wire.NewMsgFilterClear(),
	} {
		var theirs, payload bytes.Buffer
		if _, err := wire.WriteV2MessageN(&theirs, message, wire.ProtocolVersion, wire.WitnessEncoding); err != nil {
			t.Fatalf("%s: %v", message.Command(), err)
		}
		if err := message.BtcEncode(&payload, wire.ProtocolVersion, wire.WitnessEncoding); err != nil {
			t.Fatalf("%s: %v", message.Command(), err)
		}
		ours := append(AppendCommand(nil, commandOf(message.Command())), payload.Bytes()...)
		if !bytes.Equal(ours, theirs.Bytes()) {
			t.Errorf("%s: %x, btcd writes %x", message.Command(), ours, theirs.Bytes())
		}
		command, rest, err := Cut(theirs.Bytes())
		if command != commandOf(message.Command()) || !bytes.Equal(rest, payload.Bytes()) || err != nil {
			t.Errorf("%s: cut to %q and %x, error %v", message.Command(), command, rest, err)
		}
	}
}

// FuzzCut puts together again what was cut.
func FuzzCut(f *testing.F) {
	f.Add([]byte{18, 1, 2})
	f.Add(append([]byte{0}, "version\x00\x00\x00\x00\x00payload"...))
	f.Add([]byte{200})
	f.Fuzz(func(t *testing.T, contents []byte) {
		command, payload, err := Cut(contents)
		if err != nil {
			if len(contents) > CommandSize && contents[0] == 0 {
				t.Errorf("%x: %v", contents, err)
			}
			return
		}
		again := append(AppendCommand(nil, command), payload...)
		// A command that has a short id may come in full all the same.
		if second, rest, err := Cut(again); second != command && !bytes.Equal(again, contents) || !bytes.Equal(rest, payload) || err != nil {
			t.Errorf("%x: cut to %q and %x, error %v", contents, second, rest, err)
		}
	})
}

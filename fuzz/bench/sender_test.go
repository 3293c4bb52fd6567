package bench_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/adapter/link/bip324"
	"blockgate/internal/btc"
)

// senderRole is the variable that makes a test binary a sender of blocks, "v1" or "v2", or
// a thousand liars: "hostile".
const senderRole = "BLOCKGATE_TEST_SENDER"

// sentSize is how many bytes a sent block has about, sentBlocks how many there are.
const (
	sentSize   = 1_900_000
	sentBlocks = 32
)

// TestSender is no test: it is what BenchmarkReceive starts as the other end, in a process
// of its own, so that only the receiver's processor time is counted.
func TestSender(t *testing.T) {
	role := os.Getenv(senderRole)
	if role == "" {
		t.Skip("started by BenchmarkReceive")
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var blocks map[btc.Hash][]byte
	if role != hostileRole {
		blocks = sentChain(t)
	}
	_, _ = fmt.Fprintln(os.Stdout, "listens on", listener.Addr())
	go func() { // ends with who started us
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for n := 0; ; n++ {
		sock, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if role == hostileRole {
			go func() { _ = (&sender{sock: sock, in: bufio.NewReader(sock)}).lie(n) }()
			continue
		}
		go func() { _ = (&sender{sock: sock, in: bufio.NewReader(sock), blocks: blocks, v2: role == "v2"}).serve() }()
	}
}

// sentChain returns blocks that differ in their header alone: the transactions of mainnet
// block 866342 and again some of them, until it is as long as wanted.
func sentChain(tb testing.TB) map[btc.Hash][]byte {
	tb.Helper()
	body, err := openCorpus(tb).Block("mainnet_866342.raw")
	if err != nil {
		tb.Fatal(err)
	}
	var block wire.MsgBlock
	if err := block.Deserialize(bytes.NewReader(body)); err != nil {
		tb.Fatal(err)
	}
	for i, size := 1, len(body); size < sentSize; i++ {
		tx := block.Transactions[i]
		block.Transactions = append(block.Transactions, tx)
		size += tx.SerializeSize()
	}
	blocks := map[btc.Hash][]byte{}
	for i := range uint32(sentBlocks) {
		block.Header.Nonce = i
		var out bytes.Buffer
		if err := block.Serialize(&out); err != nil {
			tb.Fatal(err)
		}
		blocks[btc.Hash(block.BlockHash())] = out.Bytes()
	}
	return blocks
}

// sender serves blocks on one connection.
type sender struct {
	sock   net.Conn
	in     *bufio.Reader
	blocks map[btc.Hash][]byte
	v2     bool
	secret *bip324.Session
	out    []byte
}

func (s *sender) serve() error {
	defer s.sock.Close()
	if s.v2 {
		if err := s.agree(); err != nil {
			return err
		}
	}
	for {
		command, payload, err := s.receive()
		if err != nil {
			return err
		}
		switch command {
		case "version":
			err = s.send("version", versionPayload())
		case "verack":
			err = s.send("verack", nil)
		case "getdata":
			for at := 1; at+36 <= len(payload) && err == nil; at += 36 {
				err = s.send("block", s.blocks[btc.Hash(payload[at+4:at+36])])
			}
		}
		if err != nil {
			return err
		}
	}
}

// versionPayload is the version message of a node that has all blocks.
func versionPayload() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 70016)
	b = binary.LittleEndian.AppendUint64(b, 1|1<<3|1<<11)
	b = append(b, make([]byte, 8+26+26)...)
	b = append(b, "noncenon"...)
	b = append(b, 3, '/', 's', '/')
	b = binary.LittleEndian.AppendUint32(b, 900_000)
	return append(b, 0)
}

// agree is the responder's part of BIP-0324.
func (s *sender) agree() error {
	cfg := bip324.Config{Role: bip324.Responder, Magic: btc.Mainnet.Params().Magic}
	_, _ = rand.Read(cfg.Entropy[:])
	h, err := bip324.New(cfg)
	if err != nil {
		return err
	}
	one := make([]byte, 1)
	for h.Session() == nil {
		if _, err := io.ReadFull(s.in, one); err != nil {
			return err
		}
		_, reply, err := h.Feed(one)
		if err != nil {
			return err
		}
		if _, err := s.sock.Write(reply); err != nil {
			return err
		}
	}
	s.secret = h.Session()
	return nil
}

func (s *sender) receive() (command string, payload []byte, err error) {
	if s.secret == nil {
		var head [24]byte
		if _, err := io.ReadFull(s.in, head[:]); err != nil {
			return "", nil, err
		}
		payload = make([]byte, binary.LittleEndian.Uint32(head[16:]))
		_, err = io.ReadFull(s.in, payload)
		return strings.TrimRight(string(head[4:16]), "\x00"), payload, err
	}
	var field [bip324.LengthSize]byte
	if _, err := io.ReadFull(s.in, field[:]); err != nil {
		return "", nil, err
	}
	rest, err := s.secret.Length(field, bip324.MaxContents)
	if err != nil {
		return "", nil, err
	}
	packet := make([]byte, rest)
	if _, err := io.ReadFull(s.in, packet); err != nil {
		return "", nil, err
	}
	contents, _, err := s.secret.Open(packet)
	if err != nil {
		return "", nil, err
	}
	name, payload, err := bip324.Cut(contents)
	return strings.TrimRight(string(name[:]), "\x00"), payload, err
}

func (s *sender) send(command string, payload []byte) error {
	var name [bip324.CommandSize]byte
	copy(name[:], command)
	if s.secret == nil {
		sum := btc.DoubleSHA256(payload)
		s.out = binary.LittleEndian.AppendUint32(s.out[:0], btc.Mainnet.Params().Magic)
		s.out = append(s.out, name[:]...)
		s.out = binary.LittleEndian.AppendUint32(s.out, uint32(len(payload)))
		s.out = append(append(s.out, sum[:4]...), payload...)
	} else {
		var err error
		if s.out, err = s.secret.Seal(s.out[:0], append(bip324.AppendCommand(nil, name), payload...)); err != nil {
			return err
		}
	}
	_, err := s.sock.Write(s.out)
	return err
}

// startSender starts a sender and returns where it listens.
func startSender(tb testing.TB, role string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), os.Args[0], "-test.run", "^TestSender$")
	cmd.Env = append(os.Environ(), senderRole+"="+role)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	return strings.TrimSpace(strings.TrimPrefix(line, "listens on "))
}

package ops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// echo is what the test's service says to "echo".
type echo struct {
	Text string `json:"text"`
}

// control starts a service in a folder and returns what ends it.
func control(t *testing.T, folder string) (stop func() error) {
	t.Helper()
	c, err := ListenControl(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	c.Handle("echo", func(_ context.Context, args []byte) (any, error) {
		var e echo
		return &e, DecodeArgs(args, &e)
	})
	c.Handle("no", func(context.Context, []byte) (any, error) { return nil, &RefusedError{"because"} })
	c.Handle("fail", func(context.Context, []byte) (any, error) { return nil, errors.New("it broke") })
	c.Handle("large", func(context.Context, []byte) (any, error) { return strings.Repeat("x", MaxAnswer), nil })
	c.Handle("odd", func(context.Context, []byte) (any, error) { return make(chan int), nil })
	c.Handle("stuck", func(ctx context.Context, _ []byte) (any, error) { <-ctx.Done(); return nil, ctx.Err() })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(ctx); close(ended) }()
	t.Cleanup(func() {
		cancel()
		for range ended { // a test may have taken the value
			continue
		}
	})
	return func() error { cancel(); return <-ended }
}

// folder returns a folder for a control socket that is not there yet.
func folder(t *testing.T) string { return filepath.Join(t.TempDir(), "c") }

func TestControl(t *testing.T) {
	t.Parallel()
	at := folder(t)
	stop := control(t, at)
	for path, want := range map[string]os.FileMode{at: 0o700 | os.ModeDir, filepath.Join(at, socketName): 0o600 | os.ModeSocket} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
	var got echo
	if err := Ask(t.Context(), at, "echo", echo{"hello\n"}, &got); err != nil || got.Text != "hello\n" {
		t.Errorf("%q, %v", got.Text, err)
	}
	if err := Ask(t.Context(), at, "echo", nil, nil); err != nil {
		t.Error(err)
	}
	if refused, ok := errors.AsType[*RefusedError](Ask(t.Context(), at, "no", nil, nil)); !ok || refused.Why != "because" {
		t.Errorf("%v", refused)
	}
	for verb, want := range map[string]string{"fail": "it broke", "other": "no request that is known here", "large": "at most", "odd": "unsupported type"} {
		if err := Ask(t.Context(), at, verb, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if err := Ask(t.Context(), at, "echo", map[string]int{"unknown": 1}, nil); err == nil || !strings.Contains(err.Error(), "unknown field") {
		t.Error(err)
	}
	if err := Ask(t.Context(), at, "BAD", nil, nil); !errors.Is(err, ErrRequest) {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := Ask(t.Context(), at, "echo", nil, nil); !errors.Is(err, ErrNoService) {
		t.Errorf("after the end: %v", err)
	}
	if err := Ask(t.Context(), folder(t), "echo", nil, nil); !errors.Is(err, ErrNoService) {
		t.Errorf("where none was: %v", err)
	}
	control(t, at) // what the last one left is no obstacle
	if err := Ask(t.Context(), at, "echo", nil, nil); err != nil {
		t.Error(err)
	}
}

// TestControlDeep: a folder whose path is too long for a socket works all the same.
func TestControlDeep(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for _, size := range []int{maxSocketPath - 1, maxSocketPath, maxSocketPath + 1, 400} {
		at := base
		for room := size - len("/"+socketName); len(at) < room; {
			at = filepath.Join(at, strings.Repeat("d", max(1, min(200, room-len(at)-1))))
		}
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		if got := len(filepath.Join(at, socketName)); got != size {
			t.Fatalf("%d bytes, want %d", got, size)
		}
		control(t, at)
		var got echo
		if err := Ask(t.Context(), at, "echo", echo{"deep"}, &got); err != nil || got.Text != "deep" {
			t.Errorf("%d bytes: %q, %v", size, got.Text, err)
		}
		_ = os.Remove(filepath.Join(at, socketName))
	}
}

// TestControlFolder: a folder that a volume opened to a group is closed again; what
// is no folder of ours is refused.
func TestControlFolder(t *testing.T) {
	t.Parallel()
	open := folder(t)
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	control(t, open)
	if info, err := os.Stat(open); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	link, file := folder(t), folder(t)
	if err := errors.Join(os.Symlink(open, link), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	wrong := []string{link, file, filepath.Join(folder(t), "missing", "c")}
	if os.Getuid() == 0 {
		others := folder(t)
		if err := errors.Join(os.Mkdir(others, 0o700), os.Chown(others, 65534, 65534)); err != nil {
			t.Fatal(err)
		}
		wrong = append(wrong, others)
	}
	for _, at := range wrong {
		if c, err := ListenControl(t.Context(), at); err == nil {
			_ = c.Close()
			t.Errorf("%s: listens", at)
		}
	}
	full := folder(t)
	if err := os.MkdirAll(filepath.Join(full, socketName, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenControl(t.Context(), full); err == nil || !strings.Contains(err.Error(), "control socket") {
		t.Errorf("a folder in the socket's place: %v", err)
	}
}

// raw connects without speaking.
func raw(t *testing.T, at string) net.Conn {
	t.Helper()
	conn, err := dialControl(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestControlHostile: clients that say too much, too slowly, nothing, nonsense or
// never read get a word or the door, and the next one is served.
func TestControlHostile(t *testing.T) {
	t.Parallel()
	at := folder(t)
	control(t, at)
	t.Run("garbage", func(t *testing.T) {
		for _, text := range []string{"\n", "garbage\n", "\x00\x01\x02\n", "{}\n", "GET / HTTP/1.1\r\n\r\n", `{"v":1,"do":"echo","args":{"text":"\ud800"}` + "\n"} {
			conn := raw(t, at)
			_, _ = io.WriteString(conn, text)
			line, err := io.ReadAll(conn)
			if answer, bad := decodeAnswer(bytes.TrimSuffix(line, []byte("\n"))); err != nil || bad != nil || answer.Error == "" {
				t.Errorf("%q: %q, %v, %v", text, line, err, bad)
			}
		}
	})
	t.Run("oversized", func(t *testing.T) {
		conn := raw(t, at)
		sent, err := conn.Write(bytes.Repeat([]byte("x"), 8*MaxRequest))
		if err == nil {
			t.Errorf("it took %d bytes", sent)
		}
		line, _ := io.ReadAll(conn)
		if len(line) > 0 && !strings.Contains(string(line), errTooLong.Error()) {
			t.Errorf("%.100q", line)
		}
	})
	t.Run("two requests", func(t *testing.T) {
		conn := raw(t, at)
		_, _ = io.WriteString(conn, "{\"v\":1,\"do\":\"echo\"}\n{\"v\":1,\"do\":\"echo\"}\n")
		line, _ := io.ReadAll(conn)
		if bytes.Count(line, []byte("\n")) != 1 {
			t.Errorf("%q", line)
		}
	})
	t.Run("leaves at once", func(t *testing.T) {
		for range 4 * maxClients {
			conn := raw(t, at)
			_, _ = io.WriteString(conn, "{\"v\":1,\"do\":\"echo\"}\n")
			_ = conn.Close()
		}
	})
	if err := Ask(t.Context(), at, "echo", nil, nil); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// TestControlPatience: as many clients as there may be that say nothing, half a
// line, or never read their answer keep the next one waiting, not out.
func TestControlPatience(t *testing.T) {
	t.Parallel()
	at := folder(t)
	stop := control(t, at)
	begun := time.Now()
	var silent []net.Conn
	for i := range maxClients {
		conn := raw(t, at)
		_, _ = io.WriteString(conn, []string{"", `{"v":1,`}[i%2])
		silent = append(silent, conn)
	}
	if err := Ask(t.Context(), at, "echo", nil, nil); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took < requestTimeout/2 || took > 2*requestTimeout {
		t.Errorf("the next one was served after %s", took)
	}
	line, err := io.ReadAll(silent[0])
	if err != nil || !strings.Contains(string(line), "timeout") {
		t.Errorf("the silent one hears %q, %v", line, err)
	}
	// A request that takes long, and silent ones, do not hold up the end.
	conn := raw(t, at)
	_, _ = io.WriteString(conn, "{\"v\":1,\"do\":\"stuck\"}\n")
	raw(t, at)
	begun = time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it took %s to stop", took)
	}
}

// TestAskTimeout: a service that never answers costs a command its time, no more.
func TestAskTimeout(t *testing.T) {
	t.Parallel()
	at := folder(t)
	control(t, at)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := Ask(ctx, at, "stuck", nil, nil); err == nil {
		t.Error("an answer")
	}
}

// TestControlStranger: another user is refused although it could open the socket,
// the service's own user and root are not.
func TestControlStranger(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	at := folder(t)
	control(t, at)
	for path := range map[string]bool{filepath.Dir(filepath.Dir(at)): true, filepath.Dir(at): true, at: true, filepath.Join(at, socketName): true} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(filepath.Dir(at), "ask")
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	for uid, want := range map[uint32]string{0: "asked: <nil>", 65534: "uid 65534 may not ask; only uid 0 and root may"} {
		cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestAskAsStranger$", "-test.v")
		cmd.Env = append(os.Environ(), "BLOCKGATE_TEST_ASK="+at)
		cmd.Dir = filepath.Dir(at)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		if text, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("uid %d: %s, %v", uid, text, err)
		}
	}
	c, err := ListenControl(t.Context(), folder(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.allowed(&boundConn{Conn: &net.TCPConn{}}); err == nil {
		t.Error("a client over TCP")
	}
}

// TestAskAsStranger is what TestControlStranger runs as another user.
func TestAskAsStranger(t *testing.T) {
	at := os.Getenv("BLOCKGATE_TEST_ASK")
	if at == "" {
		t.Skip("no test of its own")
	}
	_, _ = fmt.Fprintln(os.Stdout, "asked:", Ask(t.Context(), at, "echo", nil, nil))
}

// TestReadLine: a line comes whole however it is cut, and grows no further than it
// may.
func TestReadLine(t *testing.T) {
	t.Parallel()
	for size, ok := range map[int]bool{0: true, 1: true, firstRead - 1: true, firstRead: true, firstRead + 1: true, 9999: true, 10000: true, 10001: false, 30000: false} {
		for _, step := range []int{1, 7, 1 << 20} {
			line, err := readLine(&drip{strings.Repeat("x", size) + "\nrest", step}, 10000)
			if (err == nil) != ok || ok && len(line) != size || !ok && !errors.Is(err, errTooLong) {
				t.Errorf("%d bytes in steps of %d: %d, %v", size, step, len(line), err)
			}
			if cap(line) > 4*10000 {
				t.Errorf("room for %d", cap(line))
			}
		}
	}
	if _, err := readLine(strings.NewReader("no end"), 100); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// drip gives few bytes at a time.
type drip struct {
	text string
	step int
}

func (d *drip) Read(p []byte) (int, error) {
	if d.text == "" {
		return 0, io.EOF
	}
	n := copy(p, d.text[:min(len(d.text), d.step)])
	d.text = d.text[n:]
	return n, nil
}

package ops

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// patience bounds waits that end by themselves in a sound run.
const patience = 15 * time.Second

// serve starts a server that says hello, and returns its address and what ends it.
func serve(t *testing.T) (address string, stop func() error) {
	t.Helper()
	s, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Handle("GET /hello", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Serve(ctx)
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		for range ended { // a test may have taken the value
			continue
		}
	})
	return s.Addr().String(), func() error { cancel(); return <-ended }
}

// dial connects with a deadline.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// ask sends a request and returns status and body.
func ask(t *testing.T, conn net.Conn, request string) (status int, body string) {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestServer(t *testing.T) {
	t.Parallel()
	address, stop := serve(t)
	for request, want := range map[string]int{
		"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n":                       200,
		"GET /other HTTP/1.1\r\nHost: x\r\n\r\n":                       404,
		"POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n": 405,
		"GET /hello HTTP/1.1\r\n\r\n":                                  400,
		"no request\r\n\r\n":                                           400,
		"GET /hello HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxHeaderBytes/2) + "\r\n\r\n":    200,
		"GET /hello HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxHeaderBytes+4096) + "\r\n\r\n": 431,
	} {
		if got, body := ask(t, dial(t, address), request); got != want || want == 200 && body != "hello" {
			t.Errorf("%.50q: %d %.40q, want %d", request, got, body, want)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address); err == nil {
		_ = conn.Close()
		t.Error("it still listens")
	}
}

// TestStopIsBounded: a request that never ends does not keep the process.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	address, stop := serve(t)
	conn := dial(t, address)
	if _, err := io.WriteString(conn, "GET /hello HT"); err != nil {
		t.Fatal(err)
	}
	if got, _ := ask(t, dial(t, address), "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"); got != 200 { // so the first one was accepted
		t.Error(got)
	}
	begun := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > closeTimeout+5*time.Second {
		t.Errorf("it took %s to stop", took)
	}
}

// TestTaken: the caller can tell a taken address from other faults.
func TestTaken(t *testing.T) {
	t.Parallel()
	address, _ := serve(t)
	if _, err := Listen(t.Context(), address); !errors.Is(err, ErrTaken) {
		t.Errorf("got %v", err)
	}
	for _, wrong := range []string{"nonsense", "127.0.0.1:99999", "192.0.2.1:1"} {
		if _, err := Listen(t.Context(), wrong); err == nil || errors.Is(err, ErrTaken) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	unused, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := unused.Close(); err != nil {
		t.Error(err)
	}
	if again, err := Listen(t.Context(), unused.Addr().String()); err != nil || again.Close() != nil {
		t.Errorf("an address that was given back: %v", err)
	}
}

// TestConnectionsAreBounded: with maxConns open one more waits until one of them
// is closed.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := bound(listener, maxConns)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			conn, err := b.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	var open []net.Conn
	for range maxConns {
		dial(t, listener.Addr().String())
		open = append(open, <-accepted)
	}
	dial(t, listener.Addr().String())
	select {
	case <-accepted:
		t.Fatalf("%d connections are open", maxConns+1)
	case <-time.After(50 * time.Millisecond):
	}
	_ = open[0].Close()
	_ = open[0].Close() // gives nothing back a second time
	select {
	case open[0] = <-accepted:
	case <-time.After(patience):
		t.Fatal("the next one is not accepted")
	}
	dial(t, listener.Addr().String())
	select {
	case <-accepted:
		t.Fatal("closing twice gave two places")
	case <-time.After(50 * time.Millisecond):
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	for range accepted { // Accept ends although no place is free
		t.Error("accepted after the end")
	}
	for _, conn := range open {
		_ = conn.Close()
	}
}

// TestSlowClientsAreClosed: a request that does not come in time, and one that drips,
// end their connections; probes are answered meanwhile.
func TestSlowClientsAreClosed(t *testing.T) {
	t.Parallel()
	s, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Probes() {
		s.Handle("GET "+p.Path, p.Handler(fine))
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	address := s.Addr().String()

	begun := time.Now()
	silent, dripping := dial(t, address), dial(t, address)
	if _, err := io.WriteString(dripping, "GET /livez HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	go func() {
		drip := time.NewTicker(100 * time.Millisecond)
		defer drip.Stop()
		for range drip.C {
			if _, err := io.WriteString(dripping, "X: y\r\n"); err != nil {
				return
			}
		}
	}()
	for _, p := range Probes() {
		if status, body := ask(t, dial(t, address), "GET "+p.Path+" HTTP/1.1\r\nHost: x\r\n\r\n"); status != 200 || body != `{"ok":true,"reasons":[]}`+"\n" {
			t.Errorf("%s: %d %q", p.Path, status, body)
		}
	}
	if status, _ := ask(t, dial(t, address), "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); status != 405 {
		t.Errorf("POST: %d", status)
	}
	for name, conn := range map[string]net.Conn{"silent": silent, "dripping": dripping} {
		if _, err := io.ReadAll(conn); err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the %s one is still there", name)
		}
	}
	if took := time.Since(begun); took > headerTimeout+5*time.Second {
		t.Errorf("it took %s to close them", took)
	}
}

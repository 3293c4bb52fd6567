package fakepeer

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func pair() (net.Conn, net.Conn) {
	return Pipe(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2}, 10)
}

func TestPipeCarriesBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair()
		if a.LocalAddr() != b.RemoteAddr() || a.RemoteAddr() != b.LocalAddr() {
			t.Error("the addresses are not each other's")
		}
		sent := bytes.Repeat([]byte("0123456789abc"), 100)
		go func() {
			if n, err := a.Write(sent); n != len(sent) || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
			_ = a.Close()
		}()
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	})
}

// TestPipeWindow: a writer waits at the window, not before.
func TestPipeWindow(t *testing.T) {
	for _, n := range []int{9, 10, 11} {
		synctest.Test(t, func(t *testing.T) {
			a, b := pair()
			done := false
			go func() {
				_, _ = a.Write(make([]byte, n))
				done = true
			}()
			synctest.Wait()
			if done != (n <= 10) {
				t.Errorf("write of %d done: %t", n, done)
			}
			_ = b.Close()
			synctest.Wait()
			if !done {
				t.Error("a writer waits for a reader that left")
			}
		})
	}
}

func TestPipeDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair()
		start := time.Now()
		wantLate := func(d time.Duration, _ int, err error) {
			t.Helper()
			if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != d {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
		}
		set := func(err error) {
			if err != nil {
				t.Error(err)
			}
		}
		set(a.SetReadDeadline(start.Add(time.Second)))
		n, err := a.Read(make([]byte, 1))
		wantLate(time.Second, n, err)
		set(a.SetWriteDeadline(start.Add(3 * time.Second)))
		n, err = a.Write(make([]byte, 11))
		wantLate(3*time.Second, n, err)
		set(b.SetDeadline(start))
		n, err = b.Read(make([]byte, 1))
		wantLate(3*time.Second, n, err)
		set(b.SetDeadline(time.Time{}))
		if n, err := b.Read(make([]byte, 100)); n != 10 || err != nil {
			t.Errorf("read %d, %v", n, err)
		}
		go func() { // a deadline that moves under a waiting reader
			time.Sleep(time.Second)
			set(b.SetReadDeadline(start.Add(9 * time.Second)))
		}()
		n, err = b.Read(make([]byte, 1))
		wantLate(9*time.Second, n, err)
	})
}

func TestPipeAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair()
		if _, err := a.Write([]byte("last")); err != nil {
			t.Error(err)
		}
		_ = a.Close()
		if got, err := io.ReadAll(b); string(got) != "last" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		if _, err := b.Write([]byte{1}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("write to one who left: %v", err)
		}
		if _, err := a.Write([]byte{1}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write after own close: %v", err)
		}
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read after own close: %v", err)
		}
	})
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"blockgate/internal/btc"
)

func openForTest(t *testing.T, path string, want dataDirIdentity) *dataDir {
	t.Helper()
	d, err := openDataDir(path, want)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.lock.Close() })
	return d
}

func TestDataDirIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	main := dataDirIdentity{Network: btc.Regtest, ID: "main"}
	for range 2 { // made, then found
		d := openForTest(t, path, main)
		if got, err := readIdentity(path); err != nil || got != main {
			t.Errorf("identity %v, %v", got, err)
		}
		for _, sub := range []string{"", "adapter", "broker", "run"} {
			if info, err := os.Stat(d.sub(sub)); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%q: %v, %v", sub, info, err)
			}
		}
		_ = d.lock.Close()
	}
	for _, other := range []dataDirIdentity{{Network: btc.Signet, ID: "main"}, {Network: btc.Regtest, ID: "two"}} {
		_, err := openDataDir(path, other)
		want := fmt.Sprintf("belongs to network regtest, id main, not to network %s, id %s: give another --datadir", other.Network, other.ID)
		if codeOf(err) != exitData || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", other, err)
		}
	}
	openForTest(t, path, main) // a refusal gave the lock back
}

func TestDataDirRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"newer":    "blockgate-datadir 2\n{}",
		"garbage":  "hello\n",
		"empty":    "",
		"no JSON":  "blockgate-datadir 1\nhello\n",
		"no words": "blockgate-datadir 1\n{\"network\":\"moon\"}\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			format := filepath.Join(path, "FORMAT")
			if err := os.WriteFile(format, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := openDataDir(path, dataDirIdentity{Network: btc.Regtest, ID: "main"})
			if codeOf(err) != exitData || !strings.Contains(err.Error(), format) || errors.Is(err, errNewerFormat) != (name == "newer") {
				t.Errorf("%v, code %d", err, codeOf(err))
			}
			if left, err := os.ReadFile(format); err != nil || string(left) != content {
				t.Errorf("the file was changed: %q, %v", left, err)
			}
		})
	}
}

func TestDataDirLock(t *testing.T) {
	path, main := t.TempDir(), dataDirIdentity{Network: btc.Regtest, ID: "main"}
	d := openForTest(t, path, main)
	if _, err := openDataDir(path, main); codeOf(err) != exitData || !strings.Contains(err.Error(), path+" is in use by another blockgate") {
		t.Errorf("twice: %v", err)
	}
	_ = d.lock.Close()
	d = openForTest(t, path, main)
	// What a dying process still holds is waited for.
	time.AfterFunc(5*lockPause, func() { _ = d.lock.Close() })
	openForTest(t, path, main)
}

func TestUnwritable(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	text := unwritable(filepath.Join(dir, "not", "there"), fs.ErrPermission).Error()
	for _, want := range []string{
		filepath.Join(dir, "not", "there") + " cannot be written: permission denied",
		fmt.Sprintf("this process has uid %d, gid %d", os.Getuid(), os.Getgid()),
		fmt.Sprintf("%s is owned by %d:%d with mode 0750", dir, os.Getuid(), os.Getgid()),
		fmt.Sprintf("chown -R %d:%d %s", os.Getuid(), os.Getgid(), filepath.Join(dir, "not", "there")),
		fmt.Sprintf("securityContext: {fsGroup: %d}", os.Getgid()),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openDataDir(file, dataDirIdentity{Network: btc.Regtest, ID: "main"}); codeOf(err) != exitData || !strings.Contains(err.Error(), "mode 0600") {
		t.Errorf("a file in its place: %v", err)
	}
}

func TestBusAccess(t *testing.T) {
	path := t.TempDir()
	if _, err := readBusAccess(path); codeOf(err) != exitData || !strings.Contains(err.Error(), "blockgate run --datadir "+path) {
		t.Errorf("nothing there: %v", err)
	}
	d := openForTest(t, path, dataDirIdentity{Network: btc.Regtest, ID: "main"})
	first, err := d.readerKey()
	if err != nil {
		t.Fatal(err)
	}
	want := busAccess{URL: "nats://127.0.0.1:1", Network: btc.Regtest, ID: "main", Seed: first.seed}
	if err := d.writeBusAccess(want); err != nil {
		t.Fatal(err)
	}
	if got, err := readBusAccess(path); err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
	if again, err := d.readerKey(); err != nil || again != first {
		t.Errorf("a restart must not change the readers' key: %v, %v", again, err)
	}
	for content, keeps := range map[string]bool{"blockgate-bus 2\n{}": false, "garbage": true, "blockgate-bus 1\n{\"reader_seed\":\"no\"}": true} {
		if err := os.WriteFile(d.sub("run/bus"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		fresh, err := d.readerKey()
		if keeps != (err == nil) || keeps && (fresh.seed == "" || fresh == first) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	made, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, content string
		fails         string
	}{
		{"seed", made.seed, ""},
		{"seed-line", made.seed + "\n", ""},
		{"jwt", "-----BEGIN NATS USER JWT-----\nx\n------END NATS USER JWT------\n", ""},
		{"public", made.public, "neither the seed"},
		{"empty", "", "neither the seed"},
		{"long", strings.Repeat("x", maxSmallFile+1), "more than"},
	} {
		path := filepath.Join(dir, tt.name)
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readCredentials(path)
		switch {
		case tt.fails != "":
			if codeOf(err) != exitUsage || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%s: %v", tt.name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.name == "jwt" && got.CredsFile != path || tt.name != "jwt" && string(got.NKeySeed) != made.seed:
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	if _, err := readCredentials(filepath.Join(dir, "nosuch")); codeOf(err) != exitUsage {
		t.Errorf("no file: %v", err)
	}
	if got, err := readCredentials(""); err != nil || got.CredsFile != "" || got.NKeySeed != nil {
		t.Errorf("no path: %+v, %v", got, err)
	}
}

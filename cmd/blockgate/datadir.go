package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nkeys"
	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
)

// dataDir is the folder of one instance. It belongs to one network, one challenge
// if that is a custom signet, and one id; the process that holds the lock owns it.
//
//	FORMAT    the first line of all: format, network, id
//	lock      held with flock by the supervisor
//	adapter/  the adapter's own: the file of headers (mode 0700, as each of the three)
//	broker/   the journal of the bundled broker
//	run/      how to reach the bus, for readers on this machine
type dataDir struct {
	path string
	lock *os.File
}

// dataDirIdentity is the body of FORMAT.
type dataDirIdentity struct {
	Network btc.Network `json:"network"`
	ID      string      `json:"id"`
	// Challenge is that of a custom signet in hex, else empty.
	Challenge string `json:"signet_challenge,omitempty"`
}

// identityOf returns the identity of an instance.
func identityOf(network *networkFlag, id string) dataDirIdentity {
	identity := dataDirIdentity{Network: network.Network, ID: id}
	if network.custom != nil {
		identity.Challenge = hex.EncodeToString(network.custom.SignetChallenge)
	}
	return identity
}

// String names network and id, and the challenge if there is one.
func (i dataDirIdentity) String() string {
	text := fmt.Sprintf("network %s, id %s", i.Network, i.ID)
	if i.Challenge != "" {
		text += ", signet challenge " + i.Challenge
	}
	return text
}

// busAccess is the body of run/bus: how a reader on this machine gets in.
type busAccess struct {
	URL     string      `json:"url"`
	Network btc.Network `json:"network"`
	ID      string      `json:"id"`
	// Challenge is that of a custom signet in hex, else empty.
	Challenge string `json:"signet_challenge,omitempty"`
	// Seed is the nkey seed of the reader's account, empty with an external bus.
	Seed string `json:"reader_seed,omitempty"`
}

// defaultDataDir returns where an instance lives if nobody says.
func defaultDataDir(network btc.Network) (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", usagef("no --datadir given and no home directory: %w", err)
	}
	return filepath.Join(home, ".blockgate", network.String()), nil
}

// openDataDir makes the folder if need be, takes its lock and checks that it is
// of this network and id.
func openDataDir(path string, want dataDirIdentity) (*dataDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, exitf(exitData, "data directory: %w", err)
	}
	for _, sub := range []string{"", "adapter", "broker", "run"} {
		if err := os.MkdirAll(filepath.Join(path, sub), 0o700); err != nil {
			return nil, unwritable(path, err)
		}
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600) //nolint:gosec // the operator's own folder
	if err != nil {
		return nil, unwritable(path, err)
	}
	if !takeLock(lock) {
		_ = lock.Close()
		return nil, inUse(path)
	}
	d := &dataDir{path, lock}
	if err := d.checkIdentity(want); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return d, nil
}

const (
	// lockPatience is how long a lock is waited for. Source: a process that a killed
	// supervisor was just starting holds a copy of it until its exec, which takes
	// milliseconds, or as long as a busy machine lets it wait.
	lockPatience = 2 * time.Second
	// lockPause is the time between two tries.
	lockPause = 20 * time.Millisecond
)

// takeLock takes the lock of an open file, unless somebody else keeps it.
func takeLock(file *os.File) bool {
	again, late := time.NewTicker(lockPause), time.NewTimer(lockPatience)
	defer again.Stop()
	defer late.Stop()
	for unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		select {
		case <-again.C:
		case <-late.C:
			return false
		}
	}
	return true
}

func (d *dataDir) checkIdentity(want dataDirIdentity) error {
	have, err := readIdentity(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		body, err := json.Marshal(want)
		if err != nil {
			return err
		}
		if err := formatDataDir.write(d.sub("FORMAT"), append(body, '\n')); err != nil {
			return unwritable(d.path, err)
		}
		return nil
	case err != nil:
		return exitf(exitData, "data directory: %w", err)
	case have != want:
		return belongsTo(d.path, have, want)
	default:
		return nil
	}
}

func inUse(path string) error {
	return exitf(exitData, "data directory %s is in use by another blockgate (its lock is held): stop that one, or give this one another --datadir", path)
}

func belongsTo(path string, have, want dataDirIdentity) error {
	return exitf(exitData, "data directory %s belongs to %v, not to %v: give another --datadir", path, have, want)
}

// readIdentity returns the network and id of the data directory at path.
func readIdentity(path string) (dataDirIdentity, error) {
	var have dataDirIdentity
	body, err := formatDataDir.read(filepath.Join(path, "FORMAT"))
	if err != nil {
		return have, err
	}
	if err := json.Unmarshal(body, &have); err != nil {
		return have, fmt.Errorf("%s: %w", filepath.Join(path, "FORMAT"), err)
	}
	return have, nil
}

func (d *dataDir) sub(name string) string { return filepath.Join(d.path, name) }

// writeBusAccess tells readers on this machine how to get in.
func (d *dataDir) writeBusAccess(access busAccess) error {
	body, err := json.Marshal(access)
	if err != nil {
		return err
	}
	if err := formatBus.write(d.sub("run/bus"), append(body, '\n')); err != nil {
		return unwritable(d.path, err)
	}
	return nil
}

// readerKey returns the key that readers on this machine have, a fresh one if
// there is none yet.
func (d *dataDir) readerKey() (key, error) {
	access, err := readBusAccess(d.path)
	if errors.Is(err, errNewerFormat) {
		return key{}, err
	}
	if pair, seedErr := nkeys.FromSeed([]byte(access.Seed)); err == nil && seedErr == nil {
		public, err := pair.PublicKey()
		return key{access.Seed, public}, err
	}
	return newKey()
}

// readBusAccess returns how to reach the bus of the instance at path.
func readBusAccess(path string) (busAccess, error) {
	var access busAccess
	name := filepath.Join(path, "run", "bus")
	body, err := formatBus.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return access, exitf(exitData, "no blockgate has run in %s: start one with `blockgate run --datadir %s`, or name its --datadir or --nats", path, path)
	}
	if err != nil {
		return access, exitf(exitData, "read the bus access: %w", err)
	}
	if err := json.Unmarshal(body, &access); err != nil {
		return access, exitf(exitData, "%s: %w", name, err)
	}
	return access, nil
}

// unwritable explains why a folder cannot be written and what mends it.
func unwritable(path string, cause error) error {
	uid, gid := os.Getuid(), os.Getgid()
	at, owner := path, "does not exist"
	for at != "/" && !exists(at) {
		at = filepath.Dir(at)
	}
	if info, err := os.Stat(at); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			owner = fmt.Sprintf("is owned by %d:%d with mode %04o", stat.Uid, stat.Gid, info.Mode().Perm())
		}
	}
	return exitf(exitData, "data directory %s cannot be written: %w\n  this process has uid %d, gid %d; %s %s\n  mend it with `chown -R %d:%d %s`, in Kubernetes with `securityContext: {fsGroup: %d}`",
		path, cause, uid, gid, at, owner, uid, gid, path, gid)
}

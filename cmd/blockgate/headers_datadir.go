package main

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// transferSettings are the flags of `headers export` and `headers import`.
type transferSettings struct {
	network networkFlag
	dataDir string
	id      string // of a data directory that is made
	all     bool   // export forks, too
	json    bool

	networkGiven, idGiven bool
}

// addTransfer adds the flags that both commands have.
func addTransfer(cmd *cobra.Command, s *transferSettings) {
	addNetwork(cmd, &s.network)
	cmd.Flags().Lookup("network").Usage += "; if not given, that of the data directory"
	addChallenge(cmd, &s.network)
	cmd.Flags().StringVar(&s.dataDir, "datadir", "", "folder of the instance (default ~/.blockgate/NETWORK)")
	cmd.Flags().BoolVar(&s.json, "json", false, "print one JSON object")
}

// complete checks what the flags say and finds out whose the data directory is. It
// is false if there is none.
func (s *transferSettings) complete(cmd *cobra.Command) (found bool, err error) {
	s.networkGiven = cmd.Flags().Changed("network") || cmd.Flags().Changed("signet-challenge")
	s.idGiven = cmd.Flags().Changed("id")
	if err := s.network.complete(); err != nil {
		return false, err
	}
	if s.id != "" {
		if err := checkID(s.id); err != nil {
			return false, err
		}
	}
	if s.dataDir == "" {
		if s.dataDir, err = defaultDataDir(s.network.Network); err != nil {
			return false, err
		}
	}
	return s.adopt()
}

// adopt takes network and id of the data directory where the caller gave none, and
// refuses what contradicts it.
func (s *transferSettings) adopt() (found bool, err error) {
	have, err := readIdentity(s.dataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, exitf(exitData, "data directory: %w", err)
	}
	if !s.idGiven {
		s.id = have.ID
	}
	if !s.networkGiven {
		s.network.Network = have.Network
		if s.network.challenge, err = hex.DecodeString(have.Challenge); err != nil {
			return false, exitf(exitData, "data directory %s: signet challenge: %w", s.dataDir, err)
		}
		if err := s.network.complete(); err != nil {
			return false, exitf(exitData, "data directory %s: %w", s.dataDir, err)
		}
	}
	if want := identityOf(&s.network, s.id); have != want {
		return false, belongsTo(s.dataDir, have, want)
	}
	return true, nil
}

// lockToRead takes the lock of a data directory without writing there, so that no
// blockgate runs in it meanwhile.
func lockToRead(path string) (unlock func(), err error) {
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDONLY|syscall.O_CLOEXEC, 0) //nolint:gosec // the operator's own folder
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil // a copy of what matters: nobody runs there
	}
	if err != nil {
		return nil, exitf(exitData, "data directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, inUse(path)
	}
	return func() { _ = lock.Close() }, nil
}

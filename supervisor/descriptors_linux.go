package supervisor

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// closeOnExec marks every descriptor from 3 on, also those that we inherited from
// a careless parent, so that a child gets only what it is given.
func closeOnExec() error {
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("mark descriptors close-on-exec (needs Linux 5.11): %w", err)
	}
	return nil
}

// openProgram opens the file for exec by /proc/self/fd, at a descriptor that no
// inherited one takes the place of.
func openProgram(path string) (*os.File, error) {
	low, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the parser program %s: %w", path, err)
	}
	high, err := unix.FcntlInt(uintptr(low), unix.F_DUPFD_CLOEXEC, lowestOwnDescriptor)
	if err := errors.Join(err, unix.Close(low)); err != nil {
		return nil, fmt.Errorf("move the parser program's descriptor: %w", err)
	}
	return os.NewFile(uintptr(high), path), nil
}

// emptyRing makes an empty memfd that can be sealed and not be executed.
func emptyRing() (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("blockgate-ring", flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		fd, err = unix.MemfdCreate("blockgate-ring", flags)
	}
	if err != nil {
		return nil, fmt.Errorf("make the ring: %w", err)
	}
	return os.NewFile(uintptr(fd), "ring"), nil
}

// socketPair makes a pair of connected SEQPACKET sockets, both blocking.
func socketPair(name string) (a, b *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make the socket pair %s: %w", name, err)
	}
	return os.NewFile(uintptr(pair[0]), name), os.NewFile(uintptr(pair[1]), name), nil
}

// controlPair is a socketPair whose first end, ours, works with deadlines.
func controlPair(name string) (ours, theirs *os.File, err error) {
	a, theirs, err := socketPair(name)
	if err != nil {
		return nil, nil, err
	}
	if ours, err = polled(a); err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

// pipeToUs makes a pipe whose read end, ours, works with deadlines.
func pipeToUs(name string) (ours, theirs *os.File, err error) {
	r, theirs, err := pipe(name)
	if err != nil {
		return nil, nil, err
	}
	if ours, err = polled(r); err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

// filledPipe makes a pipe that holds text, then ends.
func filledPipe(name string, text []byte) (*os.File, error) {
	theirs, w, err := pipe(name)
	if err != nil {
		return nil, err
	}
	ours, err := polled(w)
	if err != nil {
		return nil, errors.Join(err, theirs.Close())
	}
	// Nobody reads yet: what does not fit would wait for ever.
	err = ours.SetWriteDeadline(time.Now().Add(sendDeadline))
	if err == nil {
		_, err = ours.Write(text)
	}
	if err := errors.Join(err, ours.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("fill the pipe %s: %w", name, err), theirs.Close())
	}
	return theirs, nil
}

// pipe makes a pipe, both ends blocking.
func pipe(name string) (r, w *os.File, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("make the pipe %s: %w", name, err)
	}
	return os.NewFile(uintptr(ends[0]), name), os.NewFile(uintptr(ends[1]), name), nil
}

// polled turns a blocking file into one that works with deadlines. The file that
// it is given is used up, also when there is an error.
func polled(blocking *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err := errors.Join(err, blocking.Close()); err != nil {
		return nil, fmt.Errorf("make %s pollable: %w", blocking.Name(), err)
	}
	return os.NewFile(uintptr(fd), blocking.Name()), nil
}

// drain drops the messages that wait at a job socket.
func drain(socket *os.File) error {
	for range maxStale {
		_, _, err := unix.Recvfrom(int(socket.Fd()), nil, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ECONNRESET): // empty, or the adapter died
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("drain a job socket: %w", err)
		}
	}
	return nil
}

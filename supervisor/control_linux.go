package supervisor

import (
	"fmt"
	"os"
	"time"

	"blockgate/sandbox/frame"
)

// control is our end of a role's control socket. Many goroutines may send, one
// receives.
type control struct {
	file *os.File
}

// send sends one record. An error means that the role is not fit to live on.
func (c *control) send(record frame.Control) error {
	message, err := frame.AppendControl(nil, record)
	if err != nil {
		return err
	}
	if err := c.file.SetWriteDeadline(time.Now().Add(sendDeadline)); err != nil {
		return fmt.Errorf("send %s: %w", record.Kind, err)
	}
	if _, err := c.file.Write(message); err != nil {
		return fmt.Errorf("send %s: %w", record.Kind, err)
	}
	return nil
}

// receive returns the next record. With a zero deadline it waits until the role
// ends or the control is closed.
func (c *control) receive(deadline time.Time) (frame.Control, error) {
	if err := c.file.SetReadDeadline(deadline); err != nil { // only one that is closed takes none
		return frame.Control{}, fmt.Errorf("receive: %w: %w", os.ErrClosed, err)
	}
	message := make([]byte, frame.ControlSize+1) // one more, to see one that is too long
	n, err := c.file.Read(message)
	if err != nil {
		return frame.Control{}, fmt.Errorf("receive: %w", err)
	}
	return frame.DecodeControl(message[:n])
}

func (c *control) close() { _ = c.file.Close() }

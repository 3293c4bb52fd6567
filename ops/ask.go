package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// ErrNoService says that no service answers at a control socket.
var ErrNoService = errors.New("no service answers")

// Ask sends one request to the service whose control socket is in folder, waits for
// the answer, at most as long as ctx lasts and [AskTimeout], and reads it into
// result; args and result may be nil. It returns [ErrNoService] if nobody is there,
// a [*RefusedError] if the answer is no.
func Ask(ctx context.Context, folder, verb string, args, result any) error {
	request := Request{Verb: verb}
	if args != nil {
		text, err := json.Marshal(args)
		if err != nil {
			return err
		}
		request.Args = text
	}
	line, err := AppendRequest(nil, request)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, AskTimeout)
	defer cancel()
	conn, err := dialControl(ctx, folder)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing more is sent
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	_, unsent := conn.Write(line) // one that is refused at once may have its answer already
	line, err = readLine(conn, MaxAnswer)
	if err != nil {
		return fmt.Errorf("answer of the service: %w", errors.Join(unsent, err))
	}
	answer, err := decodeAnswer(line)
	switch {
	case err != nil:
		return err
	case answer.Refused != "":
		return &RefusedError{answer.Refused}
	case answer.Error != "":
		return fmt.Errorf("the service says: %s", answer.Error)
	case result == nil:
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

// dialControl connects to the control socket in folder.
func dialControl(ctx context.Context, folder string) (conn net.Conn, err error) {
	err = withSocket(folder, func(path string) error {
		conn, err = new(net.Dialer).DialContext(ctx, "unix", path)
		return err
	})
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w: %w", ErrNoService, err)
	case err != nil:
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return conn, nil
}

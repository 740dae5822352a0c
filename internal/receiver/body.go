package receiver

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// errNoMemory: a body found no memory in time.
var errNoMemory = errors.New("no memory for the body")

// largeBuffers has the buffers of large bodies that were refused, to be used again: a flood makes no garbage of them.
var largeBuffers = sync.Pool{New: func() any { return new([maxBody]byte) }}

// read reads a body of the declared length; -1 if its end alone tells the length. It reads into one buffer of the final
// size. But for its first part, the body holds memory of a budget until held is released.
func (h *Handler) read(a *arrival, length int64, from io.Reader) (body []byte, held *memory, err error) {
	first := make([]byte, firstPart)
	n, err := fill(first, from)
	if errors.Is(err, io.EOF) {
		return first[:n], nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if body, held, err = h.allocate(a, length); err != nil {
		return nil, nil, err
	}
	copy(body, first)
	rest, err := fill(body[n:], from)
	if err == nil {
		_, err = fill(first[:1], from) // to find that the body ends here
	}
	if !errors.Is(err, io.EOF) {
		return nil, held, err
	}
	return body[:n+rest], held, nil
}

// allocate waits until a body of the length may take memory.
func (h *Handler) allocate(a *arrival, length int64) (buffer []byte, held *memory, err error) {
	if 0 <= length && length <= smallBody {
		if held, err = h.small.acquire(a, length); err != nil {
			return nil, nil, err
		}
		return make([]byte, length), held, nil
	}
	if held, err = h.large.acquire(a, maxBody); err != nil {
		return nil, nil, err
	}
	held.buffer, _ = largeBuffers.Get().(*[maxBody]byte)
	if length < 0 {
		length = maxBody
	}
	return held.buffer[:length], held, nil
}

// keep returns the body in memory of its own: the budget no longer bounds it, and no other body will overwrite it.
func (m *memory) keep(body []byte) []byte {
	if m == nil || m.buffer == nil {
		return body
	}
	if len(body) <= maxBody/2 {
		return bytes.Clone(body) // into less than the buffer
	}
	m.buffer = nil
	return body
}

// fill reads until the buffer is full or the body ends; then err is io.EOF.
func fill(buffer []byte, from io.Reader) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = from.Read(buffer[n:])
		n += more
	}
	return n, err
}

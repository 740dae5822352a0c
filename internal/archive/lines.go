package archive

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

const (
	// maxLine bounds a line in bytes: etcd takes no larger object.
	maxLine = 4 << 20
	// maxFile bounds a file in bytes, compressed.
	maxFile = 256 << 20
	// saltSize is the size of a salt in bytes.
	saltSize = 16
)

// eventLine is a line of a file of events.
type eventLine struct {
	v1alpha1.BillingEvent
	// PersonalSHA256 is the hash of the line's personal data, with its salt. Empty if it has none.
	PersonalSHA256 string `json:"personalSHA256,omitempty"`
}

// personalLine is a line of a file of personal data.
type personalLine struct {
	EventID    string `json:"eventID"`
	Account    string `json:"account"`
	CustomerID string `json:"customerID"`
	// Salt makes the hash of little data, such as four digits of a card, impossible to guess once the line is gone.
	Salt string `json:"salt"`
	// Personal is a JSON merge patch (RFC 7386) that gives the whole event back.
	Personal json.RawMessage `json:"personal"`
}

// sum is the SHA-256 of the salt's digits, followed by the personal data as it is written.
func (p personalLine) sum() string { return sha256Of(append([]byte(p.Salt), p.Personal...)) }

// record is what is archived of an event: nothing that only the API server needs.
func record(e *v1alpha1.BillingEvent) *v1alpha1.BillingEvent {
	clean := e.DeepCopy()
	clean.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "BillingEvent"}
	clean.ObjectMeta = metav1.ObjectMeta{
		Name: e.Name, UID: e.UID, CreationTimestamp: e.CreationTimestamp, Labels: e.Labels, Annotations: e.Annotations,
	}
	return clean
}

// linesOf are the lines of an event. hidden is nil if it has no personal data.
func linesOf(e *v1alpha1.BillingEvent, salts io.Reader) (line eventLine, hidden *personalLine, err error) {
	public, patch := personal.Split(record(e))
	line = eventLine{BillingEvent: *public}
	if patch == nil {
		return line, nil, nil
	}
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(salts, salt); err != nil {
		return line, nil, fmt.Errorf("salt: %w", err)
	}
	hidden = &personalLine{
		EventID: e.Spec.EventID, Account: e.Spec.Account, CustomerID: e.CustomerID(), Salt: hex.EncodeToString(salt), Personal: patch,
	}
	line.PersonalSHA256 = hidden.sum()
	return line, hidden, nil
}

// compress makes a file of lines.
func compress[T any](lines []T) ([]byte, error) {
	var text bytes.Buffer
	writer := json.NewEncoder(&text)
	writer.SetEscapeHTML(false)
	for i := range lines {
		if err := writer.Encode(&lines[i]); err != nil {
			return nil, err
		}
	}
	return compressText(text.Bytes())
}

// encoder is one for all: each has tables of some megabytes.
var encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderCRC(true))
})

// compressText makes a file of text. One release gives the same bytes for the same text everywhere.
func compressText(text []byte) ([]byte, error) {
	writer, err := encoder()
	if err != nil {
		return nil, err
	}
	return writer.EncodeAll(text, nil), nil
}

// eachLine calls use with the lines of a file, one after the other.
func eachLine(content []byte, use func(line []byte) error) error {
	reader, err := zstd.NewReader(bytes.NewReader(content), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		return err
	}
	defer reader.Close()
	scanner := bufio.NewScanner(reader)
	scanner.Buffer(make([]byte, 0, 64<<10), maxLine)
	for scanner.Scan() {
		if err := use(scanner.Bytes()); err != nil {
			return err
		}
	}
	return scanner.Err()
}

// decompress reads the lines of a file.
func decompress[T any](content []byte) (lines []T, err error) {
	err = eachLine(content, func(text []byte) error {
		if len(lines) == MaxEvents {
			return errors.New("it has more lines than a batch may have")
		}
		var line T
		if err := json.Unmarshal(text, &line); err != nil {
			return fmt.Errorf("line %d: %w", len(lines)+1, err)
		}
		lines = append(lines, line)
		return nil
	})
	return lines, err
}

package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/mailgun/mailgun-go/v4"
)

const (
	// requestTimeout is less than what a process that is told to end is given for what it has begun.
	requestTimeout = 10 * time.Second
	// maxReason is how many characters of an answer are repeated.
	maxReason = 200
)

// Mailgun hands messages to Mailgun. See https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages.
type Mailgun struct {
	client *mailgun.MailgunImpl
	from   string
}

// NewMailgun sends from the address with the domain's key. base is the API with its version path; empty for Mailgun's own.
func NewMailgun(domain, key, from, base string) *Mailgun {
	client := mailgun.NewMailgun(domain, key)
	client.SetClient(&http.Client{Timeout: requestTimeout})
	if base != "" {
		client.SetAPIBase(strings.TrimSuffix(base, "/"))
	}
	return &Mailgun{client: client, from: from}
}

// RejectedError says that Mailgun refused the message for good.
type RejectedError struct{ Reason string }

func (e *RejectedError) Error() string { return "mailgun refused the message: " + e.Reason }

// NotAcceptedError says that Mailgun did not take the message, and may take it later.
type NotAcceptedError struct{ Reason string }

func (e *NotAcceptedError) Error() string { return "mailgun did not take the message: " + e.Reason }

// Send hands over a message, and returns Mailgun's id of it. An error that is neither a RejectedError nor a NotAcceptedError leaves
// open whether Mailgun has the message.
func (m *Mailgun) Send(ctx context.Context, message Message) (string, error) {
	outgoing := mailgun.NewMessage(m.from, message.Subject, message.Text, message.To.String())
	outgoing.SetHTML(message.HTML)
	outgoing.AddHeader("Message-Id", "<"+message.ID+">")
	outgoing.SetTracking(false) // a link that lets somebody in goes through nobody's hands
	outgoing.SetTrackingClicks(false)
	outgoing.SetTrackingOpens(false)
	outgoing.SetRequireTLS(true)
	_, id, err := m.client.Send(ctx, outgoing)
	if err != nil {
		return "", explain(err, message.To.String(), message.To.Address, message.To.Name)
	}
	return strings.Trim(id, "<>"), nil
}

// LogRefusedError says that Mailgun does not let its log be read, which will be so the next time, too.
type LogRefusedError struct{ Reason string }

func (e *LogRefusedError) Error() string { return "mailgun does not let its log be read: " + e.Reason }

// Find looks into Mailgun's log for a message, and says whether Mailgun has it. since is when the message was thought of, by whatever
// clock: the log is read from an hour before.
func (m *Mailgun) Find(ctx context.Context, messageID string, since time.Time) (bool, error) {
	list := m.client.ListEvents(&mailgun.ListEventOptions{
		Begin: since.Add(-time.Hour), ForceAscending: true, Limit: 1, Filter: map[string]string{"message-id": messageID},
	})
	var found []mailgun.Event
	if list.Next(ctx, &found) {
		return true, nil
	}
	if err := list.Err(); err != nil {
		if answered, ok := errors.AsType[*mailgun.UnexpectedResponseError](err); ok && refusesKey(answered.Actual) {
			return false, &LogRefusedError{Reason: fmt.Sprintf("it answered %d; give MAILGUN_API_KEY the right to read events", answered.Actual)}
		}
		return false, fmt.Errorf("look for the message in Mailgun's log: %w", explain(err))
	}
	return len(list.Items) > 0, nil
}

func refusesKey(code int) bool {
	return code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusNotFound
}

// explain tells what is known not to be accepted from what is not known. Answers may repeat the recipient: what is personal is cut out.
func explain(err error, personal ...string) error {
	var answered *mailgun.UnexpectedResponseError
	var unreachable *net.OpError
	switch {
	case errors.As(err, &answered):
		reason := fmt.Sprintf("it answered %d: %s", answered.Actual, cleanReason(answered.Data, personal))
		switch code := answered.Actual; {
		case refusesKey(code):
			return &NotAcceptedError{Reason: reason + "; check the MAILGUN_… variables"}
		case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
			return &NotAcceptedError{Reason: reason}
		case code >= 400 && code < 500:
			return &RejectedError{Reason: reason}
		}
		// Mailgun has been seen to send a message that it answered with a 5xx.
		return errors.New("mailgun left open whether it took the message: " + reason)
	case errors.As(err, &unreachable) && unreachable.Op == "dial":
		return &NotAcceptedError{Reason: "it cannot be reached"}
	case errors.Is(err, mailgun.ErrInvalidMessage):
		return &RejectedError{Reason: "the message is not valid"}
	default:
		return errors.New("no answer came from Mailgun")
	}
}

var address = regexp.MustCompile(`\S*@\S*`)

// cleanReason is what an answer says, without what is personal, on one line that is not too long.
func cleanReason(data []byte, personal []string) string {
	var answer struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(data, &answer); err != nil || answer.Message == "" {
		return "no reason given"
	}
	text := answer.Message
	for _, word := range personal {
		if word != "" {
			text = strings.ReplaceAll(text, word, "…")
		}
	}
	return oneLine(address.ReplaceAllString(text, "…"), maxReason)
}

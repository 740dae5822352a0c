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

	"github.com/tollkeeper/tollkeeper/internal/noredirect"
)

const (
	// requestTimeout is shorter than the process's grace period, so that a shutdown does not cut a request off.
	requestTimeout = 10 * time.Second
	// maxReason is how many characters of Mailgun's answer an error repeats.
	maxReason = 200
)

// Mailgun sends messages. See https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages.
type Mailgun struct {
	settings func() Settings
	http     *http.Client
}

// Settings are the account, the domain and the sender with which Mailgun is used.
type Settings struct {
	// Domain is the domain at Mailgun, Key an API key that may send from it, and From the sender's address.
	Domain, Key, From string
	// Base is the API's versioned URL; empty for the default.
	Base string
}

// RejectedError reports that Mailgun refused the message for good.
type RejectedError struct{ Reason string }

func (e *RejectedError) Error() string { return "mailgun refused the message: " + e.Reason }

// NotAcceptedError reports that Mailgun did not take the message. A later attempt may succeed.
type NotAcceptedError struct{ Reason string }

func (e *NotAcceptedError) Error() string { return "mailgun did not take the message: " + e.Reason }

// LogRefusedError reports that the key may not read Mailgun's log. A later attempt fails too.
type LogRefusedError struct{ Reason string }

func (e *LogRefusedError) Error() string { return "mailgun refuses access to its log: " + e.Reason }

// NewMailgun sends with the settings in use: they are asked for before each request.
func NewMailgun(settings func() Settings) *Mailgun {
	return &Mailgun{
		settings: settings,
		http:     &http.Client{Timeout: requestTimeout, Transport: noredirect.Transport{RoundTripper: http.DefaultTransport}},
	}
}

// IsConfigured reports whether the settings in use suffice to send.
func (m *Mailgun) IsConfigured() bool {
	s := m.settings()
	return s.Domain != "" && s.Key != "" && s.From != ""
}

// client is the client of one request, and the settings that it uses.
func (m *Mailgun) client() (*mailgun.MailgunImpl, Settings) {
	s := m.settings()
	client := mailgun.NewMailgun(s.Domain, s.Key)
	client.SetClient(m.http)
	if s.Base != "" {
		client.SetAPIBase(strings.TrimSuffix(s.Base, "/"))
	}
	return client, s
}

// Send sends a message and returns Mailgun's id of it. After an error other than RejectedError and NotAcceptedError,
// Mailgun may or may not have taken the message.
func (m *Mailgun) Send(ctx context.Context, message Message) (string, error) {
	client, settings := m.client()
	outgoing := mailgun.NewMessage(settings.From, message.Subject, message.Text, message.To.String())
	outgoing.SetHTML(message.HTML)
	outgoing.AddHeader("Message-Id", "<"+message.ID+">")
	outgoing.SetTracking(false) // tracking would lead the reset link through a third party
	outgoing.SetTrackingClicks(false)
	outgoing.SetTrackingOpens(false)
	outgoing.SetRequireTLS(true)
	_, id, err := client.Send(ctx, outgoing)
	if err != nil {
		return "", classify(err, message.To.String(), message.To.Address, message.To.Name)
	}
	return strings.Trim(id, "<>"), nil
}

// Find reports whether Mailgun's log has the message. since is the earliest time that it can have been sent: the search
// begins an hour before, because the clocks may differ.
func (m *Mailgun) Find(ctx context.Context, messageID string, since time.Time) (bool, error) {
	client, _ := m.client()
	list := client.ListEvents(&mailgun.ListEventOptions{
		Begin: since.Add(-time.Hour), ForceAscending: true, Limit: 1, Filter: map[string]string{"message-id": messageID},
	})
	var found []mailgun.Event
	if list.Next(ctx, &found) {
		return true, nil
	}
	if err := list.Err(); err != nil {
		if answered, ok := errors.AsType[*mailgun.UnexpectedResponseError](err); ok && keyRefused(answered.Actual) {
			return false, &LogRefusedError{Reason: fmt.Sprintf("it answered %d; give MAILGUN_API_KEY the right to read events", answered.Actual)}
		}
		return false, fmt.Errorf("look for the message in Mailgun's log: %w", classify(err))
	}
	return len(list.Items) > 0, nil
}

// classify returns a typed error if Mailgun certainly did not take the message. Mailgun's answer may repeat the
// recipient: the error leaves out the personal texts.
func classify(err error, personal ...string) error {
	var answered *mailgun.UnexpectedResponseError
	var redirected *noredirect.Error
	var unreachable *net.OpError
	switch {
	case errors.As(err, &redirected):
		return &NotAcceptedError{Reason: "it " + redirected.Error() + ", because the API key would go there: check MAILGUN_API_BASE"}
	case errors.As(err, &answered):
		reason := fmt.Sprintf("it answered %d: %s", answered.Actual, reasonGiven(answered.Data, personal))
		switch code := answered.Actual; {
		case keyRefused(code):
			return &NotAcceptedError{Reason: reason + "; check the MAILGUN_… variables"}
		case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
			return &NotAcceptedError{Reason: reason}
		case code >= 400 && code < 500:
			return &RejectedError{Reason: reason}
		}
		// Mailgun is known to send some messages that it answers with a 5xx.
		return errors.New("mailgun may or may not have taken the message: " + reason)
	case errors.As(err, &unreachable) && unreachable.Op == "dial":
		return &NotAcceptedError{Reason: "it cannot be reached"}
	case errors.Is(err, mailgun.ErrInvalidMessage):
		return &RejectedError{Reason: "the message is not valid"}
	default:
		return errors.New("mailgun did not answer")
	}
}

// keyRefused reports whether the status code means that the key or the domain is wrong, or the key lacks the right.
func keyRefused(code int) bool {
	return code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusNotFound
}

var anyAddress = regexp.MustCompile(`\S*@\S*`)

// reasonGiven returns the message of Mailgun's answer as one short line, without addresses and the personal texts.
func reasonGiven(data []byte, personal []string) string {
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
	return oneLine(anyAddress.ReplaceAllString(text, "…"), maxReason)
}

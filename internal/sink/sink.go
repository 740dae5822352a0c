// Package sink posts CloudEvents to an HTTP endpoint, signed by the scheme of Standard Webhooks.
package sink

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/noredirect"
)

const (
	// timeout of one request, with the answer. It is shorter than the process's grace period.
	timeout = 10 * time.Second
	// maxAnswer is how much of an answer is read, so that the connection can be used again. Nothing of it is kept.
	maxAnswer = 64 << 10
	// maxRetryAfter bounds how long a sink may ask to be left alone.
	maxRetryAfter = time.Hour
)

// RefusedError reports that the sink refuses what it was sent: it will refuse it again until someone corrects something.
type RefusedError struct {
	// Code is the HTTP status code.
	Code   int
	reason string
}

func (e *RefusedError) Error() string { return "the sink " + e.reason }

// UnavailableError reports that the sink cannot take anything now, or that it is not known whether it did.
type UnavailableError struct {
	// Code is the HTTP status code; 0 without an answer.
	Code int
	// RetryAfter is how long the sink asks to be left alone; 0 if it does not say.
	RetryAfter time.Duration
	reason     string
}

func (e *UnavailableError) Error() string { return "the sink " + e.reason }

// Sink is an HTTP endpoint that accepts CloudEvents.
type Sink struct {
	url     string
	secrets func() [][]byte
	client  *http.Client
	clock   clock.PassiveClock
}

// New makes a Sink. Each request has a signature of each secret in use, so that a secret can be replaced by another.
func New(url string, secrets func() [][]byte, c clock.PassiveClock) *Sink {
	return &Sink{url: url, secrets: secrets, clock: c, client: &http.Client{
		Timeout: timeout, Transport: noredirect.Transport{RoundTripper: http.DefaultTransport},
	}}
}

// Send posts a CloudEvent in the structured mode. id is the CloudEvent's. The error is a *RefusedError or an
// *UnavailableError, and holds neither the URL nor the answer.
func (s *Sink) Send(ctx context.Context, id string, event []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(event))
	if err != nil {
		return &RefusedError{reason: "has a URL that cannot be used"}
	}
	timestamp := strconv.FormatInt(s.clock.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/cloudevents+json; charset=UTF-8")
	request.Header.Set("User-Agent", "tollkeeper")
	request.Header.Set("Webhook-Id", id)
	request.Header.Set("Webhook-Timestamp", timestamp)
	request.Header.Set("Webhook-Signature", s.sign(id, timestamp, event))
	response, err := s.client.Do(request)
	if err != nil {
		return withoutAnswer(err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	return s.judge(response)
}

// sign returns a signature of each secret, separated by blanks.
// See https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#verifying-webhook-authenticity.
func (s *Sink) sign(id, timestamp string, body []byte) string {
	secrets := s.secrets()
	signatures := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " ")
}

// judge returns the error of an answer that does not accept the event.
func (s *Sink) judge(response *http.Response) error {
	code := response.StatusCode
	reason := fmt.Sprintf("answered %d", code)
	switch {
	case code/100 == 2:
		return nil
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests:
		return &UnavailableError{Code: code, RetryAfter: retryAfter(response.Header.Get("Retry-After"), s.clock.Now()), reason: reason}
	default:
		return &RefusedError{Code: code, reason: reason}
	}
}

// withoutAnswer returns the error of a request without an answer that counts. It leaves the URL out.
func withoutAnswer(err error) error {
	if redirected, ok := errors.AsType[*noredirect.Error](err); ok {
		return &RefusedError{Code: redirected.Code, reason: redirected.Error() + ": set --cloudevents-sink to where it leads"}
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		if failed.Timeout() {
			return &UnavailableError{reason: "did not answer in time"}
		}
		err = failed.Err
	}
	return &UnavailableError{reason: "cannot be reached: " + err.Error()}
}

// retryAfter reads the header Retry-After, in seconds or as a date. See RFC 9110, section 10.2.3.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// Package replay posts recorded payloads of Stripe's events to a webhook endpoint again, signed anew.
package replay

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxBody is how large a body the receiver accepts.
const maxBody = 1 << 20

// Payload is one recorded event: the exact bytes of its body, and what the body says of it.
type Payload struct {
	File, EventID, Type string
	// Created is Stripe's created, in Unix seconds; 0 if the body has none, as that of a thin event.
	Created int64
	Body    []byte
}

// Load reads a file, or every *.json file of a folder. The payloads are in the order of Stripe's created, and then of the
// files' names.
func Load(path string) ([]Payload, error) {
	files := []string{path}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file or folder %s", path)
	case err != nil:
		return nil, err
	case info.IsDir():
		if files, err = filepath.Glob(filepath.Join(path, "*.json")); err != nil || len(files) == 0 {
			return nil, fmt.Errorf("the folder %s has no file *.json", path)
		}
	}
	var payloads []Payload
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		payload, err := parse(file, body)
		if err != nil {
			return nil, err
		}
		payloads = append(payloads, payload)
	}
	slices.SortFunc(payloads, func(a, b Payload) int { return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.File, b.File)) })
	return payloads, nil
}

func parse(file string, body []byte) (Payload, error) {
	if len(body) > maxBody {
		return Payload{}, fmt.Errorf("%s has %d bytes, and the receiver takes at most %d", file, len(body), maxBody)
	}
	var event struct {
		ID      string          `json:"id"`
		Type    string          `json:"type"`
		Created json.RawMessage `json:"created"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return Payload{}, fmt.Errorf("%s is not the payload of one event: %w", file, err)
	}
	if event.ID == "" || event.Type == "" {
		return Payload{}, fmt.Errorf("%s is not the payload of an event: it has no id, or no type. Record the whole body that Stripe posts", file)
	}
	payload := Payload{File: file, EventID: event.ID, Type: event.Type, Body: body}
	_ = json.Unmarshal(event.Created, &payload.Created) // a thin event has a text here
	return payload, nil
}

// CheckURL refuses an address that payloads must not be sent to: they hold names and addresses.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return fmt.Errorf("--to=%s is not a URL: write for example https://billing.example.com/webhooks/stripe", text)
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	isLocal := host == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !isLocal) {
		return fmt.Errorf("--to=%s: payloads hold names and addresses, so use https, or http on this machine only", text)
	}
	return nil
}

// Secret is the first of the secrets in the variable's value: the receiver accepts any of them.
func Secret(value string) (string, error) {
	for secret := range strings.SplitSeq(value, ",") {
		if secret = strings.TrimSpace(secret); secret != "" {
			return secret, nil
		}
	}
	return "", errors.New("STRIPE_ENDPOINT_SECRET is not set: set it to the endpoint's signing secret (whsec_…)")
}

// Sign is the header Stripe-Signature of a body that is sent at the time. See
// https://docs.stripe.com/webhooks#verify-manually.
func Sign(body []byte, secret string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%d.", at.Unix())
	_, _ = mac.Write(body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// Post posts the payload, and returns the status of the answer.
func Post(ctx context.Context, c *http.Client, to string, payload Payload, secret string, now time.Time) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(payload.Body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Stripe-Signature", Sign(payload.Body, secret, now))
	response, err := c.Do(request)
	if err != nil {
		return 0, fmt.Errorf("post %s to %s: %w", payload.EventID, to, err)
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, maxBody))
	return response.StatusCode, err
}

// Explain says what an answer means, and what to do; empty if the event was taken.
func Explain(status int) string {
	switch {
	case status >= 200 && status < 300:
		return ""
	case status == http.StatusBadRequest:
		return "refused: the secret is not the endpoint's, this machine's clock is wrong, or a proxy changes the body"
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return "nothing takes events there: the path is /webhooks/stripe"
	case status == http.StatusServiceUnavailable:
		return "not taken now: the API server is away or slow; replay it later"
	default:
		return "not taken"
	}
}

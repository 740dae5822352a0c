// Package stripetest speaks to a webhook endpoint as Stripe does: it makes objects in the shapes of old and new API versions,
// wraps them as events, signs and posts them.
package stripetest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// Object is a Stripe object as JSON has it.
type Object map[string]any

// With is a copy of the object with one field replaced.
func (o Object) With(key string, value any) Object {
	copied := maps.Clone(o)
	copied[key] = value
	return copied
}

// ID is the object's id.
func (o Object) ID() string { id, _ := o["id"].(string); return id }

// Shape is the API version that shapes the payloads of an endpoint.
type Shape string

const (
	// Old has periods on the subscription and invoice.subscription.
	Old Shape = "2023-10-16"
	// New has periods on the items and invoice.parent ("basil" and later).
	New Shape = "2025-03-31.basil"
)

// Event is an event before it is sent.
type Event struct {
	ID       string
	Type     string
	Created  time.Time
	Shape    Shape
	Object   Object
	Previous Object
	Livemode bool
	Account  string
}

// JSON is the event as Stripe posts it.
func (e Event) JSON() []byte {
	data := Object{"object": e.Object}
	if e.Previous != nil {
		data["previous_attributes"] = e.Previous
	}
	event := Object{
		"id": e.ID, "object": "event", "type": e.Type, "created": e.Created.Unix(), "api_version": string(e.Shape),
		"livemode": e.Livemode, "pending_webhooks": 1, "request": Object{"id": nil, "idempotency_key": nil}, "data": data,
	}
	if e.Account != "" {
		event["account"] = e.Account
	}
	body, err := json.Marshal(event)
	if err != nil {
		panic(fmt.Sprintf("an event that is no JSON: %v", err))
	}
	return body
}

// Sign is the Stripe-Signature header of a body sent at the time, by one or more secrets.
// See https://docs.stripe.com/webhooks#verify-manually.
func Sign(body []byte, at time.Time, secrets ...string) string {
	var header strings.Builder
	fmt.Fprintf(&header, "t=%d", at.Unix())
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.", at.Unix())
		mac.Write(body)
		header.WriteString(",v1=" + hex.EncodeToString(mac.Sum(nil)))
	}
	return header.String()
}

// Endpoint is where events are posted to.
type Endpoint struct {
	URL    string
	Secret string
}

// Post sends the event and returns the status code of the answer.
func (p Endpoint) Post(ctx context.Context, e Event) (int, error) {
	body := e.JSON()
	return p.PostSigned(ctx, body, Sign(body, time.Now(), p.Secret))
}

// PostSigned sends a body under a signature of the caller's making.
func (p Endpoint) PostSigned(ctx context.Context, body []byte, signature string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	request.Header.Set("Stripe-Signature", signature)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// As is the event under another id.
func (e Event) As(id string) Event {
	e.ID = id
	return e
}

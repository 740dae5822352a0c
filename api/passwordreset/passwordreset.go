// Package passwordreset lets an application check and consume the token of a password-reset e-mail.
//
// The token is in the link and nowhere else. For each Customer, the Secret "<customer>-password-reset" holds its
// SHA-256, its expiry and the customer's Stripe id. The application needs get and update on Secrets in that namespace.
package passwordreset

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Keys of the Secret.
const (
	// KeyHash is the SHA-256 of the token, in hexadecimal.
	KeyHash = "token-sha256"
	// KeyExpires is when the token expires, in RFC 3339.
	KeyExpires = "expires"
	// KeyCustomer is the customer's Stripe id (cus_…).
	KeyCustomer = "customer-id"
	// KeyConsumed is when the token was consumed, in RFC 3339; absent before.
	KeyConsumed = "consumed"
)

// SecretType is the type of the Secrets.
const SecretType corev1.SecretType = "billing.tollkeeper.dev/password-reset"

// QueryParameter is the link's query parameter that holds the token.
const QueryParameter = "token"

var (
	// ErrInvalid means that the token was never sent to a customer, or a newer one has replaced it.
	ErrInvalid = errors.New("the token is not valid")
	// ErrExpired means that the token was valid and has expired.
	ErrExpired = errors.New("the token has expired")
	// ErrConsumed means that the token was consumed before.
	ErrConsumed = errors.New("the token was used before")
)

// SecretName is the name of the Secret for the Customer object of that name.
func SecretName(customer string) string { return customer + "-password-reset" }

// NewToken makes a token for the Customer object of that name. random holds at least 256 random bits.
func NewToken(customer string, random []byte) string {
	return base64.RawURLEncoding.EncodeToString([]byte(customer)) + "." + base64.RawURLEncoding.EncodeToString(random)
}

// Hash is the token's SHA-256 in hexadecimal, as the Secret holds it.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Consume checks a token and marks it as consumed. It returns the Stripe id of the customer whose password may now be
// set. Of several concurrent calls with the same token, one succeeds. Errors are ErrInvalid, ErrExpired, ErrConsumed,
// or those of the API server; after the latter the call can be repeated.
func Consume(ctx context.Context, c client.Client, namespace, token string, now time.Time) (customerID string, err error) {
	encoded, _, found := strings.Cut(token, ".")
	customer, err := base64.RawURLEncoding.DecodeString(encoded)
	if !found || err != nil || len(validation.IsDNS1123Subdomain(string(customer))) > 0 {
		return "", ErrInvalid
	}
	key := client.ObjectKey{Namespace: namespace, Name: SecretName(string(customer))}
	for {
		var secret corev1.Secret
		switch err := c.Get(ctx, key, &secret); {
		case apierrors.IsNotFound(err):
			return "", ErrInvalid
		case err != nil:
			return "", fmt.Errorf("get the Secret of the token: %w", err)
		}
		if err := check(&secret, token, now); err != nil {
			return "", err
		}
		secret.Data[KeyConsumed] = []byte(now.UTC().Format(time.RFC3339))
		switch err := c.Update(ctx, &secret); { // fails if the Secret has changed since it was read
		case err == nil:
			return string(secret.Data[KeyCustomer]), nil
		case !apierrors.IsConflict(err): // after a conflict, check the Secret again
			return "", fmt.Errorf("consume the token: %w", err)
		}
	}
}

func check(secret *corev1.Secret, token string, now time.Time) error {
	if subtle.ConstantTimeCompare([]byte(Hash(token)), secret.Data[KeyHash]) != 1 {
		return ErrInvalid
	}
	if len(secret.Data[KeyConsumed]) > 0 {
		return ErrConsumed
	}
	expires, err := time.Parse(time.RFC3339, string(secret.Data[KeyExpires]))
	if err != nil || !now.Before(expires) {
		return ErrExpired
	}
	return nil
}

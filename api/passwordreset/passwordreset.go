// Package passwordreset lets an application check and consume the token of a password-reset e-mail.
//
// The token is in the link and nowhere else. Beside each Customer a Secret "<customer>-password-reset" keeps its SHA-256, its expiry and
// the customer's Stripe id. The application needs to get and update Secrets in that namespace.
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
	// KeyHash is the hex SHA-256 of the token.
	KeyHash = "token-sha256"
	// KeyExpires is when the token stops working, RFC 3339.
	KeyExpires = "expires"
	// KeyCustomer is the customer's Stripe id.
	KeyCustomer = "customer-id"
	// KeyConsumed is when the token was consumed, RFC 3339; absent before.
	KeyConsumed = "consumed"
)

// SecretType is the type of the Secret.
const SecretType corev1.SecretType = "billing.tollkeeper.dev/password-reset"

// QueryParameter holds the token in the link.
const QueryParameter = "token"

var (
	// ErrInvalid says that no customer was ever sent this token, or it has been replaced.
	ErrInvalid = errors.New("the token is not valid")
	// ErrExpired says that the token was valid.
	ErrExpired = errors.New("the token has expired")
	// ErrConsumed says that the token was used before.
	ErrConsumed = errors.New("the token was used before")
)

// SecretName is the name of a customer's Secret.
func SecretName(customer string) string { return customer + "-password-reset" }

// NewToken makes a token for the Customer object of that name, of at least 256 secret bits.
func NewToken(customer string, bits []byte) string {
	return base64.RawURLEncoding.EncodeToString([]byte(customer)) + "." + base64.RawURLEncoding.EncodeToString(bits)
}

// Hash is what the Secret keeps of a token.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Consume checks a token that somebody presents and makes sure that it works only once, whoever else presents it at the same time. It
// returns the Stripe id of the customer whose password may be set now.
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
		switch err := c.Update(ctx, &secret); { // guarded by the resourceVersion that was read
		case err == nil:
			return string(secret.Data[KeyCustomer]), nil
		case !apierrors.IsConflict(err): // else somebody was faster: see what is left
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

package passwordreset

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Earlier versions kept the hash of a link in a Secret of type billing.tollkeeper.dev/password-reset, with these keys.
const (
	secretKeyHash     = "token-sha256" // in hexadecimal
	secretKeyExpires  = "expires"      // in RFC 3339
	secretKeyCustomer = "customer-id"
	secretKeyConsumed = "consumed" // in RFC 3339; absent before
)

// consumeSecret is consume for a token that an earlier version sent. To an application without rights on Secrets, or
// whose client does not know them, such a token is not valid.
func consumeSecret(ctx context.Context, c client.Client, key client.ObjectKey, token string, now time.Time) (Reset, error) {
	for {
		var secret corev1.Secret
		switch err := c.Get(ctx, key, &secret); {
		case apierrors.IsNotFound(err), apierrors.IsForbidden(err), runtime.IsNotRegisteredError(err):
			return Reset{}, ErrInvalid
		case err != nil:
			return Reset{}, fmt.Errorf("get the Secret of the token: %w", err)
		}
		if err := checkSecret(&secret, token, now); err != nil {
			return Reset{}, err
		}
		secret.Data[secretKeyConsumed] = []byte(now.UTC().Format(time.RFC3339))
		switch err := c.Update(ctx, &secret); { // fails if the Secret has changed since it was read
		case err == nil:
			return Reset{CustomerID: string(secret.Data[secretKeyCustomer])}, nil
		case !apierrors.IsConflict(err): // after a conflict, check the Secret again
			return Reset{}, fmt.Errorf("consume the token: %w", err)
		}
	}
}

// secretHash is the hash of a token that its Secret holds.
func secretHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func checkSecret(secret *corev1.Secret, token string, now time.Time) error {
	if subtle.ConstantTimeCompare([]byte(secretHash(token)), secret.Data[secretKeyHash]) != 1 {
		return ErrInvalid
	}
	if len(secret.Data[secretKeyConsumed]) > 0 {
		return ErrConsumed
	}
	expires, err := time.Parse(time.RFC3339, string(secret.Data[secretKeyExpires]))
	if err != nil || !now.Before(expires) {
		return ErrExpired
	}
	return nil
}

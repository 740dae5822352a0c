package passwordreset

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// Earlier versions kept the hash of a link in a Secret of type billing.tollkeeper.dev/password-reset, with these keys.
const (
	secretKeyHash     = "token-sha256" // in hexadecimal
	secretKeyExpires  = "expires"      // in RFC 3339
	secretKeyCustomer = "customer-id"
	secretKeyConsumed = "consumed" // in RFC 3339; absent before
)

// consumeSecret is consume for a token that an earlier version sent. To an application without rights on Secrets, such
// a token is not valid.
func consumeSecret(ctx context.Context, c Cluster, key types.NamespacedName, token string, now time.Time) (Reset, error) {
	for {
		secret := newSecret()
		switch err := c.Get(ctx, key, secret); {
		case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
			return Reset{}, ErrInvalid
		case err != nil:
			return Reset{}, fmt.Errorf("get the Secret of the token: %w", err)
		}
		if err := checkSecret(secret, token, now); err != nil {
			return Reset{}, err
		}
		setSecretValue(secret, secretKeyConsumed, now.UTC().Format(time.RFC3339))
		switch err := c.Update(ctx, secret); { // fails if the Secret has changed since it was read
		case err == nil:
			return Reset{CustomerID: secretValue(secret, secretKeyCustomer)}, nil
		case !apierrors.IsConflict(err): // after a conflict, check the Secret again
			return Reset{}, fmt.Errorf("consume the token: %w", err)
		}
	}
}

// newSecret is an empty Secret. The type of k8s.io/api would be one more module for applications.
func newSecret() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret"}}
}

// secretValue is the value of a key of the Secret; empty if there is none.
func secretValue(secret *unstructured.Unstructured, key string) string {
	encoded, _, _ := unstructured.NestedString(secret.Object, "data", key)
	value, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	return string(value)
}

func setSecretValue(secret *unstructured.Unstructured, key, value string) {
	_ = unstructured.SetNestedField(secret.Object, base64.StdEncoding.EncodeToString([]byte(value)), "data", key) // data is a map: it holds the hash
}

// secretHash is the hash of a token that its Secret holds.
func secretHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func checkSecret(secret *unstructured.Unstructured, token string, now time.Time) error {
	if subtle.ConstantTimeCompare([]byte(secretHash(token)), []byte(secretValue(secret, secretKeyHash))) != 1 {
		return ErrInvalid
	}
	if secretValue(secret, secretKeyConsumed) != "" {
		return ErrConsumed
	}
	expires, err := time.Parse(time.RFC3339, secretValue(secret, secretKeyExpires))
	if err != nil || !now.Before(expires) {
		return ErrExpired
	}
	return nil
}

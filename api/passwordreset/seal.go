package passwordreset

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"

	"k8s.io/apimachinery/pkg/types"
)

// Seal encrypts the address that a link goes to, so that only its token opens it: the cluster holds no address. The
// PasswordReset with the UID holds the result, in base64.
func Seal(uid types.UID, token, address string) string {
	aead := addressCipher(uid, token)
	return base64.StdEncoding.EncodeToString(aead.Seal(nil, make([]byte, aead.NonceSize()), []byte(address), nil))
}

// open returns the sealed address; empty if it cannot be opened, or if an earlier version sent the link without one.
func open(uid types.UID, token, sealed string) string {
	aead := addressCipher(uid, token)
	text, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return ""
	}
	address, err := aead.Open(nil, make([]byte, aead.NonceSize()), text, nil)
	if err != nil {
		return ""
	}
	return string(address)
}

// addressCipher is AES-256-GCM with a key that follows from the token. Each key encrypts one address, so the nonce is
// always zero.
func addressCipher(uid types.UID, token string) cipher.AEAD {
	key := sha256.Sum256([]byte("address key\x00" + string(uid) + "\x00" + token))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return aead
}

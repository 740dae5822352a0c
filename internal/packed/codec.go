package packed

import (
	_ "embed"
	"encoding/json"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// The samples are what most objects look like: a customer that pays for one subscription.
var (
	//go:embed sample_customer.json
	sampleCustomer []byte
	//go:embed sample_subscription.json
	sampleSubscription []byte
)

// dictionaryID is any number: both sides are in this process.
const dictionaryID = 1

// zstdCodec compresses JSON. It knows beforehand the names of the fields, and the words that objects share. Nothing of
// it leaves the process, so a release may change it.
type zstdCodec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

var codec = sync.OnceValue(func() *zstdCodec {
	words := dictionary()
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(dictionaryID, words), zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<17), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // of an option above
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderDictRaw(dictionaryID, words), zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // of an option above
	}
	return &zstdCodec{encoder, decoder}
})

func (c *zstdCodec) compress(to, text []byte) []byte { return c.encoder.EncodeAll(text, to) }

func (c *zstdCodec) decompress(to, data []byte) ([]byte, error) { return c.decoder.DecodeAll(data, to) }

// dictionary is the samples as they are encoded now.
func dictionary() []byte {
	var words []byte
	for _, sample := range []struct {
		text []byte
		into any
	}{{sampleSubscription, &v1alpha1.Subscription{}}, {sampleCustomer, &v1alpha1.Customer{}}} {
		if err := json.Unmarshal(sample.text, sample.into); err != nil {
			panic(err) // every test finds this
		}
		text, err := json.Marshal(sample.into)
		if err != nil {
			panic(err)
		}
		words = append(words, text...)
	}
	return words
}

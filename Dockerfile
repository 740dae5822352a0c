# For clusters of your own: `make docker-build`. A release does not use it (`make image`). There is no base image that a tag could replace.
FROM scratch
ARG BINARY
COPY --chmod=0555 ${BINARY} /manager
USER 65532:65532
ENTRYPOINT ["/manager"]

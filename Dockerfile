# The image: two static binaries, certificates, a folder for data. No shell, no
# package, no root.
#
#   docker build --build-arg BUILD_ID="$(tools/build-id)" -t blockgate .
#   docker run --rm blockgate demo
#   docker run -v blockgate-data:/data -e BLOCKGATE_NETWORK=mainnet blockgate
#   docker run --rm blockgate --help
#
# What stands behind the image name replaces "run --datadir /data". Each flag of
# a command is also a variable: --network is BLOCKGATE_NETWORK, --nats is
# BLOCKGATE_NATS. A folder mounted at /data must be writable for user 65532.
# The sandbox needs Landlock and seccomp of the host's kernel and no privilege;
# "blockgate doctor" says what it got.

FROM golang:1.26 AS build
WORKDIR /src

# Modules first: they change seldom, so this layer is kept.
COPY go.mod go.sum ./
RUN go mod download

COPY . .
ARG BUILD_ID=dev
RUN make build BUILD_ID="$BUILD_ID" && mkdir /empty

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/bin/blockgate /blockgate
COPY --from=build /src/bin/blockgate-parser /blockgate-parser
COPY --from=build --chown=65532:65532 /empty /data
COPY --from=build --chown=65532:65532 /empty /tmp
USER 65532:65532
VOLUME ["/data"]
ENTRYPOINT ["/blockgate"]
CMD ["run", "--datadir", "/data"]

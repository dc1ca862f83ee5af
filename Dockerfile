# Collapse with its lessons in JupyterLab:
#
#   docker build -t collapse .
#   docker run --rm -p 127.0.0.1:8888:8888 collapse
#
# Development containers use the first stage alone (.devcontainer/).
FROM golang:1.26.8-trixie AS tools
RUN apt-get update && \
    apt-get install -y --no-install-recommends gcc libc6-dev make git python3 python3-venv && \
    rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --shell /bin/bash student
# The image's Go is on PATH for login shells too, and GOPATH is the user's own.
ENV PATH=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin GOPATH=/home/student/go
USER student

FROM tools
COPY --chown=student:student . /home/student/collapse
WORKDIR /home/student/collapse
RUN make setup
EXPOSE 8888
# The address is that of the container; -p above publishes it on this machine alone.
CMD ["make", "lab", "LAB=--no-browser --ip=0.0.0.0"]

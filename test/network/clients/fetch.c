// Prints what a web server answers: `fetch HOST PATH`. Compiled with musl, whose resolver is its own.
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **words) {
  if (count != 3) return 2;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
  int problem = getaddrinfo(words[1], "80", &hints, &found);
  if (problem) {
    fprintf(stderr, "%s: %s\n", words[1], gai_strerror(problem));
    return 1;
  }
  int fd = socket(found->ai_family, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen)) {
    perror(words[1]);
    return 1;
  }
  dprintf(fd, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", words[2], words[1]);
  char bytes[4096];
  for (ssize_t size; (size = read(fd, bytes, sizeof bytes)) > 0;) fwrite(bytes, 1, size, stdout);
  return 0;
}

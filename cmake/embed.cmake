# Writes OUT, a C array initialiser with the bytes of IN: cmake -D IN=... -D OUT=... -P embed.cmake
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "${bytes}\n")
